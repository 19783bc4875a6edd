"""The structure of the house: who may import whom, and that no room is missing from the plan."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]


def test_imports_go_down_the_floors(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_a_package_that_names_no_floor_fails(tmp_path):
    """The control: the same plan, with one floor taken out, must be refused."""
    plan = (ROOT / "pyproject.toml").read_text()
    assert '    "orders",\n' in plan
    config = tmp_path / "plan.toml"
    config.write_text(plan.replace('    "orders",\n', ""))
    code = f"import sys, importlinter.cli as cli; sys.exit(cli.lint_imports({str(config)!r}, no_cache=True))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "backend.orders" in result.stdout


@pytest.mark.parametrize("module", ["indexer.__main__", "backend.chain.onlog", "backend.chain.abi"])
def test_the_reading_path_does_not_import_web3(module):
    code = f"import sys, {module}; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_every_ignored_lint_rule_says_why():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("ignore = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        assert "#" in line, f"no reason beside {line.strip()}"


def test_top_level_is_what_the_owner_fixed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {name.split("/")[0] for name in tracked if "/" in name and not name.startswith(".")}
    assert folders <= {"contracts", "scripts", "backend", "indexer", "tests", "docs", "bench"}


def test_lock_files_name_only_the_public_registries():
    for name, allowed in {
        "uv.lock": {"pypi.org", "files.pythonhosted.org"},
        "package-lock.json": {"registry.npmjs.org", "opencollective.com", "github.com"},
    }.items():
        hosts = {part.split("/")[0] for part in (ROOT / name).read_text().split("https://")[1:]}
        assert hosts <= allowed, name


def test_the_project_pins_what_the_lock_holds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    for requirement in project["project"]["dependencies"]:
        name = requirement.split(">")[0].split("=")[0].split("<")[0].split("[")[0]
        assert name.lower() in locked
