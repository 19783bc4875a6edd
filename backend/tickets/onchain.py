"""Which logs this capability reads, and when."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.models import ChainBlock, ChainLog
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches, when_final
from backend.kit import clock
from backend.tickets import bought, final, holdings, keys, metadata_changes, moving, recoveries
from backend.tickets.models import Holding, Recovery, TokenMovement

_FACTORY = "CollectionFactory"
_COLLECTION = "TicketCollection"

projects(Holding, TokenMovement, Recovery)


@watches
def our_contracts(session: Session, network: str) -> list[Watch]:
    """Name the factory and every collection it has deployed, by whomever: the factory's log is how they are found."""
    found = deployment(network)
    factory = Watch(_FACTORY, found.address(_FACTORY), found.blocks[_FACTORY])
    query = (
        select(ChainLog.topics, ChainLog.block_number)
        .join(ChainBlock, (ChainBlock.network == ChainLog.network) & (ChainBlock.hash == ChainLog.block_hash))
        .where(ChainLog.network == network, ChainLog.address == factory.address, ChainBlock.canonical)
        .order_by(ChainLog.block_number, ChainLog.log_index)
    )
    deployed = abi.topic(_FACTORY, "CollectionDeployed")
    return [
        factory,
        *(
            Watch(_COLLECTION, topics[1][12:], block)
            for topics, block in session.execute(query)
            if topics[0] == deployed
        ),
    ]


@on_log(_COLLECTION, *holdings.EVENTS, reads=moving.read)
def project(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep holdings up with the chain, at once and provisionally."""
    holdings.apply(session, network, logs)


@on_log(_COLLECTION, *recoveries.EVENTS)
def note_recoveries(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep what is asked of tickets that their holders may have to refuse."""
    recoveries.note(session, network, logs)


@on_undo
def forget(session: Session, network: str, from_block: int, _touched: Touched) -> None:
    """Forget what undone blocks said of tokens, and fold the tokens again."""
    recoveries.forget(session, network, from_block)
    holdings.undo(session, network, from_block)


# Batches before tokens: the worker, too, locks a batch before its jobs, so neither waits for the other in a circle.
@when_final(_COLLECTION, "BatchMinted", "BatchCancelled")
def settle_batches(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Settle the batch of a consumed number, even if our own transaction's fate was unclear."""
    final.batches_settled(session, network, logs, clock.now())


# Purchases before tokens: a ticket that was bought and given away in the same range has its row when it moves.
@when_final(_COLLECTION, "TicketsBought")
def settle_purchases(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Orders that were paid on chain are paid, and their tickets are the tokens of the purchase."""
    bought.purchases_settled(session, network, logs, clock.now())


@when_final(_COLLECTION, "Transfer", "StatusChanged")
def settle_tokens(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Jobs become FINAL, tickets LIVE, orders fulfilled."""
    final.tokens_settled(session, network, logs, clock.now())


@when_final(_FACTORY, "CollectionDeployed")
def settle_deployments(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Have the deployed collection compared with what was signed."""
    final.collections_deployed(session, network, logs)


@when_final(_COLLECTION, *metadata_changes.EVENTS)
def follow_metadata(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Have the chain asked where a collection's metadata is now, and whether it stays there."""
    metadata_changes.seen(session, network, logs)


@when_final(_COLLECTION, *keys.EVENTS)
def follow_keys(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Sign by the keys that a collection has now."""
    keys.changed(session, network, logs)
