"""The content stores: the embedded one on disk, and Kubo's API by a small double that speaks its HTTP."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from backend.tickets.ipfs.cid import directory_cid
from backend.tickets.ipfs.embedded import EmbeddedStore
from backend.tickets.ipfs.kubo import KuboStore
from backend.tickets.ipfs.port import StoreUnavailable, WrongCid

# ipfshttpclient 0.7.0 asks urllib3 for something that urllib3 3 will refuse; it is the newest there is.
pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")
FILES = {"1.json": b'{"name":"Floor"}', "collection.json": b"{}"}


class _Kubo(BaseHTTPRequestHandler):
    lie = ""
    asked: list[str] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = re.findall(rb'filename="([^"]+)"[^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', body, re.DOTALL)
        files = {name.decode().replace("%2F", "/").rpartition("/")[2]: data for name, data in found if data}
        files.pop("metadata", None)
        lines = [{"Name": f"metadata/{name}", "Hash": "b-file", "Size": "1"} for name in files]
        lines.append({"Name": "metadata", "Hash": self.lie or directory_cid(files), "Size": "9"})
        answer = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kubo() -> Iterator[tuple[KuboStore, type[_Kubo]]]:
    handler = type("Kubo", (_Kubo,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield KuboStore(f"/ip4/127.0.0.1/tcp/{server.server_port}/http"), handler
    server.shutdown()
    server.server_close()


def test_the_embedded_store_keeps_a_directory_under_its_identifier_and_says_it_is_not_ipfs(tmp_path):
    store = EmbeddedStore(tmp_path / "content")
    cid = store.pin(FILES)
    assert cid == directory_cid(FILES) == store.pin(FILES)
    assert store.read(cid, "1.json") == FILES["1.json"]
    assert not store.is_ipfs and "not IPFS" in store.name


@pytest.mark.parametrize("path", ["2.json", "../1.json", "..", ".draft", "/etc/passwd", ""])
def test_the_embedded_store_gives_nothing_else_away(tmp_path, path):
    store = EmbeddedStore(tmp_path / "content")
    assert store.read(store.pin(FILES), path) is None
    assert store.read("../content", "1.json") is None


def test_the_embedded_store_refuses_names_that_are_paths(tmp_path):
    with pytest.raises(ValueError):
        EmbeddedStore(tmp_path).pin({"../evil.json": b"{}"})


def test_a_node_that_files_the_directory_as_we_do_is_believed(kubo):
    store, handler = kubo
    assert store.pin(FILES) == directory_cid(FILES)
    assert "raw-leaves=false" in handler.asked[0].lower() and "cid-version=1" in handler.asked[0]


def test_a_node_that_answers_another_identifier_is_not(kubo):
    store, handler = kubo
    handler.lie = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    with pytest.raises(WrongCid):
        store.pin(FILES)


def test_a_node_that_does_not_answer_is_a_reason_to_try_later():
    with pytest.raises(StoreUnavailable):
        KuboStore("/ip4/127.0.0.1/tcp/1/http").pin(FILES)
