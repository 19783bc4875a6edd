"""Earning a reward, sending it when the event is over, and taking it back.

On chain its id is the order's: `BKS.reward` takes an id once, so a repeat can never mint twice.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.accounts.models import Account
from backend.catalog.models import Event
from backend.chain import abi, outbox
from backend.chain.deployments import deployment
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.ids import new_id
from backend.kit.money import Money
from backend.orders import fees
from backend.orders.models import Order, OrderStatus
from backend.rewards import books, rules
from backend.rewards.models import Reward
from backend.rewards.rules import RewardStatus
from backend.settings import Settings

REWARD = "reward"
SIGNER = "rewards"
TOKEN = "BKS"  # noqa: S105 - an artifact's name
WAITS_ON = ("TokenIsPaused", "NotMinter")
"""What passes: the token is resumed, the key is given its role."""
_log = logs.get(__name__)


def chain_id_of(order_id: UUID) -> bytes:
    """Return the reward's id on chain: the order's UUID, right-aligned in 32 bytes."""
    return order_id.int.to_bytes(32, "big")


def earn(session: Session, order_id: UUID, settings: Settings, now: datetime) -> Reward | None:
    """Write down what the order earned its buyer, to be sent when the event is over. Once; None when it earned nothing.

    Guests earn nothing: there is no wallet to send it to. An order that is being refunded earns nothing either,
    nor does one below `REWARDS_FROM`. None earns more than the platform's fee of it brought.
    """
    order = session.get_one(Order, order_id)
    if not settings.rewards_per_order or order.status != OrderStatus.FULFILLED:
        return None
    total = Money(order.total_minor, order.currency)
    _, fee = fees.split(total, order.fee_bps)
    amount = rules.earned_by(total, fee, settings.rewards_per_order, settings.rewards_from, settings.rewards_worth)
    return _write(session, order, amount, RewardStatus.PENDING, settings, now) if amount else None


def ripe(session: Session, now: datetime, limit: int = 100) -> list[UUID]:
    """Return the ids of rewards to send: their event is over and their order stands."""
    query = (
        select(Reward.id)
        .join(Order, Order.id == Reward.order_id)
        .join(Event, Event.id == Order.event_id)
        .where(Reward.status == RewardStatus.PENDING, Order.status == OrderStatus.FULFILLED, Event.ends_at <= now)
    )
    return list(session.scalars(query.order_by(Reward.id).limit(limit)))


def release(session: Session, reward_id: UUID, now: datetime) -> None:
    """Send a reward whose event is over, less what its buyer owes. Once; nothing while the order does not stand."""
    order_id, account_id = session.execute(
        select(Reward.order_id, Reward.account_id).where(Reward.id == reward_id)
    ).one()
    # Rewards of one account queue up: two of them never set the same debt off.
    locked(session, Account, account_id)
    # A refund that is under way has locked the order before, or finds the reward sent.
    order = locked(session, Order, order_id)
    reward = locked(session, Reward, reward_id)
    if order is None or reward is None or reward.status != RewardStatus.PENDING:
        return
    event = session.get_one(Event, order.event_id)
    if order.status != OrderStatus.FULFILLED or now < event.ends_at:
        return
    left, against = rules.set_off(reward.earned, _debts(session, reward.account_id))
    for debt_id, share in against.items():
        session.get_one(Reward, debt_id).repaid += share
    reward.withheld = reward.earned - left
    reward.status = RewardStatus.SENT if left else RewardStatus.SET_OFF
    if left:
        _send(session, reward, left, now)
    session.flush()
    books.earned(session, reward, now)


def claw_back(session: Session, order_id: UUID, settings: Settings, now: datetime) -> None:
    """Take the reward of a refunded order back: stop it if it is not on its way, else it is owed. Twice is once.

    What was given may be in a wallet that never buys again: the platform's fee of the order, which is worth no less,
    is not given back with the rest then, and the organisation bears it. So nobody gains by buying and giving back.
    """
    reward_id = session.scalar(select(Reward.id).where(Reward.order_id == order_id))
    if reward_id is None:
        # The refund was quicker than the reward: the row keeps it from ever being earned.
        _write(session, session.get_one(Order, order_id), 0, RewardStatus.CANCELLED, settings, now)
        return
    reward = locked(session, Reward, reward_id)
    if reward is None or reward.owed or reward.status == RewardStatus.CANCELLED:
        return
    if reward.status == RewardStatus.PENDING:
        reward.status = RewardStatus.CANCELLED
        session.flush()
        return
    was_given = reward.status == RewardStatus.SET_OFF or not _stopped(session, reward, now)
    reward.owed = rules.owed(reward.earned, reward.withheld, was_given=was_given)
    (books.taken_back if was_given else books.stopped)(session, reward, now)
    if was_given:
        books.fee_kept(session, reward, _fee_of(session, reward), now)
    _log.info("reward_taken_back", reward_id=str(reward.id), owed=reward.owed, was_given=was_given)
    session.flush()


def debt_of(session: Session, account_id: UUID) -> int:
    """Return what the account owes, in BKS base units."""
    query = select(func.coalesce(func.sum(Reward.owed - Reward.repaid), 0)).where(Reward.account_id == account_id)
    return int(session.scalars(query).one())


def done(session: Session, reward_id: UUID, now: datetime) -> None:
    """Note that the reward is in the wallet, for good."""
    _given(session, reward_id, None, now)


def refused(session: Session, reward_id: UUID, reason: str, now: datetime) -> None:
    """Act on the contract's no: a used id means that it was given before; else a person must look.

    One that was taken back meanwhile is owed only as far as it had paid older debts: nobody owes what never came.
    """
    if reason.startswith("RewardUsed"):
        _given(session, reward_id, reason, now)
        return
    reward = _moved(session, reward_id, RewardStatus.STUCK, reason)
    if reward is None:
        return
    _log.error("reward_stuck", reward_id=str(reward_id), reason=reason)
    if reward.owed:
        books.never_came(session, reward, now)
        if not reward.withheld:
            books.fee_given_back(session, reward, _fee_of(session, reward), now)
        if reward.repaid <= reward.withheld:
            reward.owed, reward.status = reward.withheld, RewardStatus.CANCELLED
        else:
            # Later rewards have paid for what never came: the books say how much, and a person gives it back.
            reward.owed = reward.repaid
        session.flush()


def _write(
    session: Session, order: Order, earned: int, status: RewardStatus, settings: Settings, now: datetime
) -> Reward | None:
    if order.account_id is None or order.recipient is None:
        return None
    reward_id = session.scalar(
        insert(Reward)
        .values(
            id=new_id(),
            organisation_id=order.organisation_id,
            order_id=order.id,
            account_id=order.account_id,
            wallet=order.recipient,
            network=settings.evm_network,
            earned=earned,
            withheld=0,
            owed=0,
            repaid=0,
            status=status,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["order_id"])
        .returning(Reward.id)
    )
    return None if reward_id is None else session.get_one(Reward, reward_id)


def _fee_of(session: Session, reward: Reward) -> Money:
    order = session.get_one(Order, reward.order_id)
    return fees.split(Money(order.total_minor, order.currency), order.fee_bps)[1]


def _debts(session: Session, account_id: UUID) -> list[rules.Debt]:
    query = select(Reward).where(Reward.account_id == account_id, Reward.repaid < Reward.owed).order_by(Reward.id)
    rows = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return [rules.Debt(row.id, row.owed - row.repaid) for row in rows]


def _send(session: Session, reward: Reward, amount: int, now: datetime) -> None:
    data = abi.encode_call(TOKEN, "reward", [chain_id_of(reward.order_id), reward.wallet, amount])
    token = deployment(reward.network).address(TOKEN)
    outbox.enqueue(session, reward.network, SIGNER, token, data, REWARD, reward.id, now, waits_on=WAITS_ON)


def _stopped(session: Session, reward: Reward, now: datetime) -> bool:
    """Withdraw the minting if it has no nonce yet; say whether it will never happen."""
    send = outbox.find(session, REWARD, reward.id)
    if reward.status == RewardStatus.STUCK:
        reward.status = RewardStatus.CANCELLED
        return True
    if send is None or not outbox.cancel(session, send.id, now):
        return False
    reward.status = RewardStatus.CANCELLED
    return True


def _given(session: Session, reward_id: UUID, problem: str | None, now: datetime) -> None:
    reward = _moved(session, reward_id, RewardStatus.DONE, problem)
    if reward is not None:
        books.minted(session, reward, now)


def _moved(session: Session, reward_id: UUID, after: RewardStatus, problem: str | None) -> Reward | None:
    """Move the reward and return it, locked; None when it stands there already or cannot go there."""
    reward = locked(session, Reward, reward_id)
    if reward is None or not rules.may_follow(reward.status, after):
        return None
    reward.status, reward.problem = after, problem
    return reward
