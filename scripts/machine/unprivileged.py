"""Postgres refuses to run as root: find it an account, and a place that this account can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.machine import layout
from scripts.machine.trouble import Trouble


@dataclass(frozen=True)
class Account:
    """A user and group to run a program as."""

    uid: int
    gid: int


def account_for_postgres() -> Account | None:
    """`nobody` when we are root, else None: we stay who we are."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as missing:
        message = "Postgres does not run as root and there is no user `nobody` here. Run this as an ordinary user."
        raise Trouble(message) from missing
    return Account(entry.pw_uid, entry.pw_gid)


def can_run(account: Account, program: Path) -> bool:
    """Tell whether the account can reach and execute the program (`--version` is tried)."""
    try:
        tried = subprocess.run(
            [str(program), "--version"],
            cwd="/",
            env={},
            capture_output=True,
            check=False,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except OSError:
        return False
    return tried.returncode == 0


@dataclass(frozen=True)
class Place:
    """Where the Postgres binaries are run from and where its data may be."""

    package: Path
    data: Path


def place_for_postgres(package: Path, inside: Path, account: Account | None) -> Place:
    """Binaries and data folder for `account`.

    Normally both stay in the checkout. A checkout below a folder that only root may enter (`/root` is one) is out of
    reach of `nobody`: then both go to a folder of ours in /var/tmp with an unguessable name, remembered in `inside`.
    """
    inside.mkdir(parents=True, exist_ok=True)
    if account is None:
        return Place(package, inside)
    if inside.is_relative_to(layout.STATE):
        layout.STATE.chmod(0o711)  # passable, not listable; its secrets are files of mode 0600
    if can_run(account, package / "native" / "bin" / "postgres") and _can_enter(account, inside):
        return Place(package, inside)
    outside = _outside(inside, account, package)
    return Place(outside / "package", outside / "data")


def forget_place(inside: Path) -> None:
    """Remove the data folder, and the one outside the checkout if there is one."""
    note = inside / "outside"
    if note.exists():
        outside = Path(note.read_text())
        if _is_ours(outside):
            shutil.rmtree(outside)
    shutil.rmtree(inside, ignore_errors=True)


def give(folder: Path, account: Account | None) -> None:
    """Make a folder of mode 0700 that belongs to the account."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def _can_enter(account: Account, folder: Path) -> bool:
    folder.chmod(0o711)
    try:
        subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
            cwd="/",
            env={},
            check=True,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _outside(inside: Path, account: Account, package: Path) -> Path:
    note = inside / "outside"
    if note.exists():
        outside = Path(note.read_text())
        if _is_ours(outside):
            if not can_run(account, outside / "package" / "native" / "bin" / "postgres"):
                _copy(package, outside / "package")
            return outside
    for base in ("/var/tmp", "/tmp", "/dev/shm"):  # noqa: S108 - mkdtemp makes the name; these are only its parents
        if not os.access(base, os.W_OK):
            continue
        outside = Path(tempfile.mkdtemp(prefix="backstage-", dir=base))
        outside.chmod(0o711)
        _copy(package, outside / "package")
        if can_run(account, outside / "package" / "native" / "bin" / "postgres"):
            (outside / "data").mkdir()
            (outside / "data").chmod(0o711)
            note.write_text(str(outside))
            return outside
        shutil.rmtree(outside)
    message = "Found no folder from which the user `nobody` may run Postgres. Run this as an ordinary user."
    raise Trouble(message)


def _copy(package: Path, to: Path) -> None:
    """Copy the binaries, readable by everyone whatever the umask was when they were installed."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(package, to, symlinks=True)
    for path in (to, *to.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _is_ours(folder: Path) -> bool:
    """Tell whether the folder (no link) is ours and nobody else may write into it."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
