"""Installing: only what is due, from public places, with the user's own proxies and certificates."""

import json
import re
import sys
from pathlib import Path

import pytest

from scripts.machine import install, layout, locks
from scripts.machine.install import Step
from scripts.machine.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path, monkeypatch):
    for name in ("STATE", "STAMPS", "LOGS", "CACHE", "HOME"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()


def step(folder, code="", name="one", **more):
    (folder / "input").write_text("1")
    made = folder / f"{name}.made"
    argv = [sys.executable, "-c", f"open({str(made)!r}, 'w').close()\n{code}"]
    return Step(name, f"step {name}", lambda: argv, dict, [folder / "input"], made, **more)


def test_what_is_done_is_not_due_until_its_input_changes_or_its_result_is_gone(tmp_path):
    one = step(tmp_path)
    assert not one.is_done()
    install._run_all([one])
    assert one.is_done()
    (tmp_path / "input").write_text("2")
    assert not one.is_done()
    (tmp_path / "input").write_text("1")
    one.makes.unlink()
    assert not one.is_done()


def test_a_step_waits_for_those_before_it(tmp_path, capsys):
    install._run_all([step(tmp_path, name="second", after=["first"]), step(tmp_path, name="first")])
    printed = capsys.readouterr().out
    assert printed.index("ok    step first") < printed.index("...   step second")


def test_a_failed_step_shows_the_end_of_its_log_and_is_due_again(tmp_path):
    one = step(tmp_path, "raise SystemExit('disk full')")
    with pytest.raises(Trouble, match=r"(?s)could not be installed.*disk full"):
        install._run_all([one])
    assert not one.is_done()


def test_steps_after_a_failed_one_are_not_begun(tmp_path, capsys):
    steps = [step(tmp_path, "raise SystemExit(1)", name="first"), step(tmp_path, name="second", after=["first"])]
    with pytest.raises(Trouble):
        install._run_all(steps)
    assert "step second" not in capsys.readouterr().out


def test_the_users_proxies_and_certificates_reach_every_installer(monkeypatch):
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CERT", "/certs.pem")
    monkeypatch.setenv("PIP_PROXY", "http://proxy:1")
    env = install.environment()
    assert env["PIP_CERT"] == env["SSL_CERT_FILE"] == env["NODE_EXTRA_CA_CERTS"] == "/certs.pem"
    assert env["HTTPS_PROXY"] == "http://proxy:1"
    monkeypatch.setenv("SSL_CERT_FILE", "/mine.pem")
    assert install.environment()["SSL_CERT_FILE"] == "/mine.pem"


@pytest.mark.parametrize("home", ["", "/nonexistent"])
def test_without_a_home_the_installers_get_one_of_ours(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    assert install.environment()["HOME"] == str(layout.HOME)


def test_a_second_run_in_the_same_checkout_is_refused_or_waits():
    with (
        locks.only_one("start", wait=False),
        pytest.raises(Trouble, match=r"process \d+"),
        locks.only_one("start", wait=False),
    ):
        pass
    with locks.only_one("start", wait=False):
        pass  # free again


def test_lock_files_name_public_places_only():
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            assert package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), (
                name
            )
            assert package["integrity"].startswith("sha512-"), name


def test_the_installer_itself_is_pinned_by_hash():
    lines = [line for line in (ROOT / "scripts/machine/tools.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==[0-9.]+ \\", lines[0])
    assert all(re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"uv:{lines[0].split('==')[1].split()[0]} " in dockerfile, (
        "scripts/start and the image use one version of uv"
    )


def test_nothing_but_the_standard_library_is_imported_before_the_install():
    ours = sorted((ROOT / "scripts/machine").glob("*.py"))
    imported = {
        found[1].split(".")[0]
        for path in ours
        for found in re.finditer(r"(?m)^(?:from|import) ([\w.]+)", path.read_text())
    }
    assert imported - set(sys.stdlib_module_names) == {"scripts"}
