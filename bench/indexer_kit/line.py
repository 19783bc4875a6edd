"""JSON-RPC over one kept connection, several calls a request: for scripts that build and check chains."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any

from scripts.machine.trouble import Trouble

_PATIENCE_SECONDS = 120
Call = tuple[str, Sequence[object]]


class Line:
    """A connection to one node. Used by one thread."""

    def __init__(self, url: str) -> None:
        """Connect to `url` when the first call is made."""
        self._connection = http.client.HTTPConnection(
            url.removeprefix("http://").rstrip("/"), timeout=_PATIENCE_SECONDS
        )

    def __call__(self, method: str, *params: object) -> Any:
        """Return what one call gives. Raises Trouble when the node answers with an error."""
        [answer] = self.many([(method, params)])
        return answer

    def many(self, calls: Sequence[Call]) -> list[Any]:
        """Return what the calls give, in order; the node may carry them out in any. Raises Trouble."""
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        self._connection.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answers = {one["id"]: one for one in json.loads(self._connection.getresponse().read())}
        found = []
        for number, (method, _) in enumerate(calls):
            if "error" in answers[number]:
                message = f"{method}: {answers[number]['error'].get('message')}"
                raise Trouble(message)
            found.append(answers[number]["result"])
        return found

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
