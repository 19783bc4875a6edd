"""The books and the final sales say the same, to the unit; and posting a sale twice posts it once."""

import pytest
from sqlalchemy import text

from backend.chain.proving import Moment
from backend.ledger.models import LedgerEntry
from backend.royalties.audit import books_and_sales
from backend.royalties.models import Sale
from tests.factories.tickets import NETWORK
from tests.resale.conftest import PRICE


@pytest.fixture
def sold(stage):
    stage.buy(stage.buyer, stage.list(ticket=stage.tickets[0], price=PRICE), PRICE)
    stage.finish()
    return stage


def differences(stage):
    stage.session.expire_all()
    return list(books_and_sales(stage.session, Moment(NETWORK, stage.market.port.head().number, b"")))


def test_the_books_say_what_the_sales_say(sold):
    assert sold.session.query(LedgerEntry).filter_by(account="organisation:royalty").count() == 1
    assert differences(sold) == []


def test_final_logs_that_come_again_leave_the_balances_as_they_are(sold):
    before = sold.session.execute(text("SELECT account, currency, sum(amount) FROM ledger_entries GROUP BY 1, 2 "
                                       "ORDER BY 1, 2")).all()  # fmt: skip
    sold.market._ended = 0
    sold.market.follow()
    after = sold.session.execute(text("SELECT account, currency, sum(amount) FROM ledger_entries GROUP BY 1, 2 "
                                      "ORDER BY 1, 2")).all()  # fmt: skip
    assert after == before
    assert differences(sold) == []


@pytest.mark.parametrize(
    ("statement", "account"),
    [
        ("UPDATE sales SET royalty = royalty + 1", "organisation:royalty"),
        ("UPDATE sales SET price = price + 1", "chain:resale"),
        ("DELETE FROM sales", "platform:resale_fee"),
    ],
)
def test_a_difference_of_one_unit_is_found(sold, statement, account):
    sold.session.execute(text(statement))
    assert any(line.startswith(f"{account} of organisation") for line in differences(sold))


def test_a_sale_that_is_not_final_is_in_neither(sold):
    row = sold.session.query(Sale).one()
    assert list(books_and_sales(sold.session, Moment(NETWORK, row.block_number - 1, b""))) == []
