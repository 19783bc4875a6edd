"""What a reward looks like in the ledger, in BKS. Debits are positive; each journal sums to zero.

`platform:rewards` is what rewards have cost: what the orders that stand are due. `buyer:rewards` is on its way to them,
`chain:rewards` was minted, `buyer:reward_debt` is what refunds left owing. So at every commit what was minted,
less the debt, is what the orders that stand are due, but for what is on its way.
A fee that stays is posted in its own currency.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.kit.money import Money
from backend.ledger import service as ledger
from backend.orders.books import FEE, REVENUE
from backend.rewards.models import Reward

COST, ON_ITS_WAY, MINTED, DEBT = "platform:rewards", "buyer:rewards", "chain:rewards", "buyer:reward_debt"
_CURRENCY = "BKS"


def earned(session: Session, reward: Reward, now: datetime) -> None:
    """Post that the order earned it; what was withheld has paid older debts."""
    sent = reward.earned - reward.withheld
    _post(session, reward, "reward_earned", {COST: reward.earned, ON_ITS_WAY: -sent, DEBT: -reward.withheld}, now)


def minted(session: Session, reward: Reward, now: datetime) -> None:
    """Post that it is in the wallet, for good."""
    sent = reward.earned - reward.withheld
    _post(session, reward, "reward_minted", {ON_ITS_WAY: sent, MINTED: -sent}, now)


def stopped(session: Session, reward: Reward, now: datetime) -> None:
    """Post that it was never sent and never will be: the reverse of `earned`, older debts and all."""
    sent = reward.earned - reward.withheld
    _post(session, reward, "reward_stopped", {ON_ITS_WAY: sent, DEBT: reward.withheld, COST: -reward.earned}, now)


def taken_back(session: Session, reward: Reward, now: datetime) -> None:
    """Post that it is owed: it was sent, or has paid older debts."""
    _post(session, reward, "reward_taken_back", {DEBT: reward.earned, COST: -reward.earned}, now)


def fee_kept(session: Session, reward: Reward, fee: Money, now: datetime) -> None:
    """Post that the platform's fee of the refunded order stays, at the organisation's cost: it has paid the reward."""
    _post_fee(session, reward, "reward_fee_kept", fee, now)


def fee_given_back(session: Session, reward: Reward, fee: Money, now: datetime) -> None:
    """Post the reverse of `fee_kept`: the reward never came after all."""
    _post_fee(session, reward, "reward_fee_given_back", -fee, now)


def never_came(session: Session, reward: Reward, now: datetime) -> None:
    """Post that the contract refused what was already taken back: nobody owes what never came."""
    sent = reward.earned - reward.withheld
    _post(session, reward, "reward_never_came", {ON_ITS_WAY: sent, DEBT: -sent}, now)


def _post(session: Session, reward: Reward, kind: str, amounts: dict[str, int], now: datetime) -> None:
    entries = [(account, Money(amount, _CURRENCY)) for account, amount in amounts.items() if amount]
    if entries:
        ledger.post(session, reward.organisation_id, kind, reward.id, entries, now)


def _post_fee(session: Session, reward: Reward, kind: str, fee: Money, now: datetime) -> None:
    if fee.amount:
        ledger.post(session, reward.organisation_id, kind, reward.id, [(REVENUE, fee), (FEE, -fee)], now)
