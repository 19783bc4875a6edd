"""The campaign's end of the lines to the processes it started."""

from __future__ import annotations

import json
import selectors
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bench.fault_kit.wire import Message


@dataclass
class _Client:
    link: socket.socket
    name: str = ""
    rest: bytes = b""


@dataclass
class Control:
    """A unix socket in a folder of its own, which has a short path however deep the state directory is."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="backstage-faults-")))
    _clients: dict[str, _Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Listen."""
        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen(32)
        self._selector.register(self._listening, selectors.EVENT_READ)

    @property
    def path(self) -> str:
        """Where to connect."""
        return str(self.folder / "control")

    def has(self, name: str) -> bool:
        """Tell whether the process of this name is on the line."""
        return name in self._clients

    def say(self, to: str, **words: object) -> None:
        """Tell a process something; one that has just died does not hear it."""
        client = self._clients.get(to)
        if client is None:
            return
        try:
            client.link.sendall(json.dumps(words).encode() + b"\n")
        except OSError:
            self._drop(client)

    def hear(self, seconds: float) -> list[tuple[str, Message]]:
        """Wait up to `seconds`; return what came, with who said it."""
        heard: list[tuple[str, Message]] = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._listening:
                link, _ = self._listening.accept()
                self._selector.register(link, selectors.EVENT_READ, _Client(link))
            else:
                heard += self._read(key.data)
        return heard

    def close(self) -> None:
        """Hang up."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, client: _Client) -> list[tuple[str, Message]]:
        try:
            more = client.link.recv(65_536)
        except OSError:
            more = b""
        if not more:
            self._drop(client)
            return []
        *lines, client.rest = (client.rest + more).split(b"\n")
        heard = []
        for line in lines:
            message: Message = json.loads(line)
            if "hello" in message:
                client.name = message["hello"]
                self._clients[client.name] = client
            heard.append((client.name, message))
        return heard

    def _drop(self, client: _Client) -> None:
        self._selector.unregister(client.link)
        client.link.close()
        if self._clients.get(client.name) is client:
            del self._clients[client.name]
