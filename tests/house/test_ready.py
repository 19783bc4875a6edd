"""Whether the API may take traffic: each part it needs says so, or why not."""

import pytest

from backend import operations
from backend.chain.models import ChainCursor
from backend.chain.progress import FACTS_CURSOR
from tests.factories.tickets import NETWORK


@pytest.mark.parametrize(("status", "code"), [("RUNNING", 200), ("STUCK", 200), ("HALTED", 503)])
def test_an_index_that_halted_takes_no_traffic(client, session, now, monkeypatch, status, code):
    others = {name: lambda: "ok" for name in operations._CHECKS if name != "index"}
    monkeypatch.setattr(operations, "_CHECKS", others | {"index": operations._check_index})
    cursor = ChainCursor(network=NETWORK, name=FACTS_CURSOR, block_number=7, finalized_number=5, updated_at=now)
    cursor.status = status
    session.add(cursor)
    session.flush()
    answer = client.get("/ready")
    assert answer.status_code == code
    if code == 503:
        error = answer.json()["error"]
        assert error["code"] == "not_ready"
        assert error["details"]["checks"]["index"].startswith("halted at block 7")
