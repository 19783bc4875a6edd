"""The keys of one role: each opened by itself when it is first needed, so that one that is away holds up no other."""

from collections.abc import Callable, Sequence
from threading import Lock

from backend.chain.port import Signer, SignerMissing
from backend.kit import logs
from backend.kit.errors import Unavailable

_log = logs.get(__name__)


class Keyring:
    """Keys in the order in which they were named. Opening one may ask a key service."""

    def __init__(self, role: str, opens: Sequence[Callable[[], Signer]]) -> None:
        """Take for each key what opens it."""
        self._role = role
        self._opens = opens
        self._opened: dict[int, Signer] = {}
        self._lock = Lock()

    def first(self) -> Signer:
        """Return the key that signs what names no other. Raises SignerMissing and what opening it raises."""
        if not self._opens:
            raise SignerMissing(role=self._role)
        return self._open(0)

    def find(self, address: bytes) -> Signer:
        """Return the key of this address.

        Raises SignerMissing when it is none of these, and what opening a key raises when it may be that one.
        """
        known = next((key for key in self._known() if key.address == address), None)
        if known is not None:
            return known
        unclear: Unavailable | None = None
        for place in self._unopened():
            try:
                opened = self._open(place)
            except SignerMissing:
                # Its keystore cannot be read: for now it is a key we do not have.
                continue
            except Unavailable as away:
                unclear = away
                continue
            if opened.address == address:
                return opened
        if unclear is not None:
            raise unclear
        raise SignerMissing(role=self._role, address="0x" + address.hex())

    def all(self) -> list[Signer]:
        """Return the keys that can be opened now, each address once."""
        for place in self._unopened():
            try:
                self._open(place)
            except Unavailable as away:
                _log.error("chain_key_away", role=self._role, place=place, answer=away.code)
        return list({key.address: key for key in self._known()}.values())

    def _known(self) -> list[Signer]:
        with self._lock:
            return [self._opened[place] for place in sorted(self._opened)]

    def _unopened(self) -> list[int]:
        with self._lock:
            return [place for place in range(len(self._opens)) if place not in self._opened]

    def _open(self, place: int) -> Signer:
        with self._lock:
            known = self._opened.get(place)
        if known is not None:
            return known
        # Outside the lock: a slow key service holds up those who need this key, and nobody else.
        opened = self._opens[place]()
        with self._lock:
            return self._opened.setdefault(place, opened)
