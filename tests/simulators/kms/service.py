"""The service: keys by name, what it was asked, and the troubles a test can plan."""

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from Crypto.Util.asn1 import DerBitString, DerObjectId, DerSequence
from eth_keys import keys

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/kms/aws4_request, SignedHeaders=")
_DIGEST_BYTES = 32

Twist = Callable[[bytes], bytes]
"""Something that happens to a signature in DER on its way out."""


class Refusal(Exception):
    """What the service answers instead: an HTTP status and AWS's word for it."""

    def __init__(self, status: int, word: str) -> None:
        """Keep both."""
        super().__init__(word)
        self.status, self.word = status, word


@dataclass
class Planned:
    """Trouble for the next requests of one operation."""

    refusal: Refusal | None = None
    seconds: float = 0.0
    twist: Twist | None = None
    body: bytes | None = None


@dataclass
class KeyStore:
    """The keys (secret by name), the kind each claims to be, plans by operation, and what was asked."""

    secrets: dict[str, bytes]
    kind: str = "ECC_SECG_P256K1"
    use: str = "SIGN_VERIFY"
    plans: dict[str, list[Planned]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def plan(self, operation: str, *planned: Planned) -> None:
        """Let the next requests of `operation` go so, one each."""
        self.plans.setdefault(operation, []).extend(planned)

    def answer(self, operation: str, given: dict[str, Any], is_signed: bool) -> bytes:
        """Do one operation. Raises Refusal."""
        if not is_signed:
            raise Refusal(400, "MissingAuthenticationTokenException")
        self.asked.append(operation)
        plans = self.plans.get(operation)
        planned = plans.pop(0) if plans else Planned()
        time.sleep(planned.seconds)
        if planned.refusal is not None:
            raise planned.refusal
        if planned.body is not None:
            return planned.body
        secret = self.secrets.get(given.get("KeyId", ""))
        if secret is None:
            raise Refusal(400, "NotFoundException")
        if operation == "GetPublicKey":
            shown = {"PublicKey": _text(spki(secret)), "KeySpec": self.kind, "KeyUsage": self.use}
        elif operation == "Sign":
            shown = {"Signature": _text((planned.twist or bytes)(_sign(secret, given)))}
        else:
            raise Refusal(400, "UnknownOperationException")
        return json.dumps({"KeyId": given["KeyId"], **shown}).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def spki(secret: bytes) -> bytes:
    """Return the public key of a secret as SubjectPublicKeyInfo."""
    point = b"\x04" + keys.PrivateKey(secret).public_key.to_bytes()
    kind = DerSequence([DerObjectId("1.2.840.10045.2.1"), DerObjectId("1.3.132.0.10")])
    return bytes(DerSequence([kind, DerBitString(point)]).encode())


def _sign(secret: bytes, given: dict[str, Any]) -> bytes:
    digest = base64.b64decode(given["Message"])
    if given.get("MessageType") != "DIGEST" or len(digest) != _DIGEST_BYTES:
        raise Refusal(400, "ValidationException")
    if given.get("SigningAlgorithm") != "ECDSA_SHA_256":
        raise Refusal(400, "InvalidKeyUsageException")
    return sign(secret, digest)


def sign(secret: bytes, digest: bytes) -> bytes:
    """Sign with fresh randomness, by the textbook; s is high half of the time."""
    while True:
        nonce = secrets.randbelow(ORDER - 1) + 1
        r = int.from_bytes(keys.PrivateKey(nonce.to_bytes(32)).public_key.to_bytes()[:32]) % ORDER
        s = pow(nonce, -1, ORDER) * (int.from_bytes(digest) + r * int.from_bytes(secret)) % ORDER
        if r and s:
            return encoded(r, s)


def encoded(r: int, s: int) -> bytes:
    """Return a signature in DER."""
    return bytes(DerSequence([r, s]).encode())


def turned(der: bytes, *, high: bool) -> bytes:
    """Return the same signature with its s in the upper (or the lower) half."""
    parts: Any = DerSequence().decode(der)
    r, s = int(parts[0]), int(parts[1])
    return encoded(r, max(s, ORDER - s) if high else min(s, ORDER - s))


@contextmanager
def serving(store: KeyStore, port: int = 0) -> Iterator[KeyStore]:
    """Serve the keys on the loopback while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            target, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
            is_signed = _CREDENTIAL.match(self.headers.get("Authorization", "")) is not None
            try:
                self._say(200, store.answer(operation if target == "TrentService" else "", json.loads(raw), is_signed))
            except Refusal as refusal:
                self._say(refusal.status, json.dumps({"__type": refusal.word, "message": refusal.word}).encode())

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()
