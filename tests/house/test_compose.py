"""docker-compose.yml, Dockerfile and .env.example say the same thing as backend/settings.py and scripts/start."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {"postgres", "redis", "anvil"}
PROCESSES = {"api", "worker", "beat", "indexer"}
COMPOSE_ONLY = {
    "POSTGRES_PASSWORD",
    "OWNER_DATABASE_PASSWORD",
    "APP_DATABASE_PASSWORD",
    "INDEX_DATABASE_PASSWORD",
    "REDIS_PASSWORD",
}
SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def services(compose) -> dict[str, Any]:
    return compose["services"]


def described() -> set[str]:
    """Names that .env.example sets, commented out or not."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"#?([A-Z][A-Z0-9_]*)=", line))}


def test_the_topology_is_complete(services):
    assert set(services) == SERVERS | PROCESSES | {"migrate"}


@pytest.mark.parametrize("name", sorted(SERVERS | PROCESSES))
def test_each_service_that_stays_has_a_healthcheck(services, name):
    assert services[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_each_process_waits_for_healthy_servers_and_a_finished_migration(services, name):
    conditions = {on: how["condition"] for on, how in services[name]["depends_on"].items()}
    assert conditions == {
        "migrate": "service_completed_successfully",
        **dict.fromkeys(SERVERS, "service_healthy"),
    }


def test_the_migration_waits_for_the_database_and_runs_once(services):
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"


def test_only_the_migration_knows_the_owner_of_the_database(services):
    for name in PROCESSES:
        assert "backstage_owner" not in str(services[name]), name
    assert "backstage_owner" in services["migrate"]["environment"]["MIGRATE_DATABASE_URL"]


def test_the_indexer_works_in_its_own_role(services):
    assert "backstage_index" in services["indexer"]["environment"]["INDEX_DATABASE_URL"]


def test_redis_keeps_what_a_crash_would_lose(services):
    assert "--appendonly yes" in " ".join(services["redis"]["command"])


def test_the_node_keeps_its_state_and_lets_blocks_become_final(services):
    words = services["anvil"]["command"][0].split()
    assert any(word.startswith("--state=") for word in words)
    assert {"--slots-in-an-epoch=1", "--block-time=1", "--prune-history"} <= set(words)


def test_a_restarted_node_begins_with_the_same_block(services):
    assert "--timestamp=" in services["anvil"]["command"][0]
    assert "evm_setTime" in services["anvil"]["command"][0]


def test_the_processes_are_those_that_scripts_start_runs(services):
    from scripts.machine.apps import apps

    def words(command):
        return {word for word in command if re.fullmatch(r"[a-z]+(\.[a-z]+)?(:app)?", word)} - {"python"}

    ours = {app.program.name: words(app.program.argv) for app in apps({}, 8000, chain_is_ours=True)}
    assert set(ours) == PROCESSES
    for name in PROCESSES:
        assert words(services[name]["command"]) - {"uvicorn", "celery"} <= ours[name], name


@pytest.mark.parametrize("name", ["postgres", "redis", "anvil", "api", "worker", "beat", "indexer", "migrate"])
def test_no_port_leaves_the_host_and_no_secret_is_written_down(services, name):
    for port in services[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
    for variable, value in (services[name].get("environment") or {}).items():
        if re.search(r"PASSWORD|SECRET|_KEY$|DATABASE_URL", variable):
            assert re.search(r"\$\{[A-Z_]+:(\?|-\})", value), f"{variable} of {name} is written down"


@pytest.mark.parametrize("name", sorted(PROCESSES | {"migrate"}))
def test_what_a_service_is_given_is_a_setting(services, name):
    given = set(services[name]["environment"])
    assert given <= SETTINGS
    # The owner's address goes to the migration alone, the index's to the indexer.
    assert SETTINGS - given <= {"MIGRATE_DATABASE_URL", "INDEX_DATABASE_URL"}


def test_every_setting_is_described_and_nothing_else():
    assert described() == SETTINGS | COMPOSE_ONLY


def test_every_variable_that_compose_reads_is_described():
    read = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert read - {"NAME"} <= described()


def test_the_image_has_no_contract_tools_and_does_not_run_as_root():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "contracts" not in re.sub(r"(?m)^#.*$", "", dockerfile)
    assert "--no-dev" in dockerfile
    assert re.findall(r"(?m)^USER (.+)$", dockerfile) == ["backstage"]
    assert not re.search(r"(?i)eth-ape|\bape\b", dockerfile)


def test_the_image_gets_only_what_the_application_needs():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text())
    assert {name for line in copied for name in line.split()} <= kept
