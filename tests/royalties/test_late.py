"""A ticket that was let in and is sold on chain before its USED is mined there does not go unseen."""

from datetime import timedelta

from backend.royalties import late
from backend.tickets import service


def test_a_ticket_used_before_its_sale_is_counted_and_logged(stage, capsys):
    kept = stage.purchase(stage.buyer, stage.list())
    service.mark_used(stage.session, stage.tickets[0].id, stage.market.port.head().timestamp - timedelta(seconds=5))
    stage.market.send(stage.buyer.key, kept)
    stage.market.follow()
    assert late.count(stage.session) == {"USED": 0, "VOID": 0}  # not final: it may still be undone
    capsys.readouterr()
    stage.finish()
    assert late.count(stage.session) == {"USED": 1, "VOID": 0}
    assert "dead_ticket_sold" in capsys.readouterr().out


def test_a_ticket_used_after_its_sale_is_nobodys_alarm(stage, capsys):
    stage.buy(stage.buyer, stage.list())
    stage.finish()
    service.mark_used(stage.session, stage.tickets[0].id, stage.market.port.head().timestamp + timedelta(seconds=5))
    assert late.count(stage.session) == {"USED": 0, "VOID": 0}
    assert "dead_ticket_sold" not in capsys.readouterr().out
