"""A chain of tickets given away and resold, the same from the same seed, kept below .build/ for the next time."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from backend.chain import abi, typed_data
from backend.chain.typed_data import Fields
from bench.indexer_kit import contracts
from bench.indexer_kit.contracts import FACE, World, text_of
from bench.indexer_kit.line import Call, Line
from scripts.machine import layout, ports, say
from scripts.machine.anvil import CHAIN_ID, Anvil
from scripts.machine.trouble import Trouble

_KEPT = layout.ROOT / ".build" / "bench" / "indexer"
_PEOPLE = 200
_BLOCK_SECONDS = 3
_BATCH = 400
_FORM = 1
"""To be raised when what follows builds another chain from the same recipe."""
_AT_ONCE = 20
"""Blocks whose orders are signed in one request."""
_COINS_EVERY = 4
_NO_PERMIT = {"value": 0, "deadline": 0, "v": 0, "r": bytes(32), "s": bytes(32)}
_LISTING: Fields = (
    ("collection", "address"),
    ("tokenId", "uint256"),
    ("seller", "address"),
    ("epoch", "uint32"),
    ("currency", "address"),
    ("price", "uint256"),
    ("expiry", "uint64"),
    ("maxRoyaltyBps", "uint16"),
    ("maxFeeBps", "uint16"),
    ("counter", "uint64"),
    ("nonce", "bytes32"),
)


@dataclass(frozen=True)
class Recipe:
    """What to build. Each block holds `gifts` transfers (2 logs each) and `resales` (3 logs, 7 in BKS, one in four)."""

    seed: int = 1
    blocks: int = 4_000
    tickets: int = 4_000
    """In each of two collections."""
    gifts: int = 7
    resales: int = 4


@dataclass
class _Ticket:
    place: tuple[bytes, int]
    owner: bytes
    epoch: int = 0


@dataclass(frozen=True)
class _Move:
    """One change of hands: a gift, or a sale of which `epoch` is the ticket's before it."""

    place: tuple[bytes, int]
    sender: bytes
    receiver: bytes
    epoch: int
    is_sale: bool


@contextmanager
def world(recipe: Recipe, folder: Path) -> Iterator[World]:
    """Run a node with the recipe's chain; it is built when none is kept. What is done to it stays with the caller."""
    kept = _KEPT / _key(recipe)
    if not (kept / "world.json").exists():
        _build(recipe, kept)
    else:
        say.note(f"the chain is taken from {kept.relative_to(layout.ROOT)}: same seed, same contracts")
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(kept / "state.json.gz") as packed, (folder / "state.json").open("wb") as state:
        shutil.copyfileobj(packed, state)
    shutil.copy(kept / "state.json.began", folder / "state.json.began")
    made = _node(folder)
    try:
        made.anvil.start()
        made.know(json.loads((kept / "world.json").read_text()))
        made.people = _people(made.line)
        yield made
    finally:
        made.anvil.kill()


def _key(recipe: Recipe) -> str:
    """Return what names a chain: the recipe, and the contracts."""
    digest = sha256(json.dumps([_FORM, asdict(recipe)], sort_keys=True).encode())
    for contract in ("TicketCollection", "CollectionFactory", "ResaleMarket", "BKS"):
        digest.update(str(abi.artifact(contract)["bytecode"]).encode())
    return f"seed-{recipe.seed}-{digest.hexdigest()[:12]}"


def _node(folder: Path) -> World:
    anvil = Anvil(
        folder,
        ports.free_port(),
        folder / "anvil.log",
        state=folder / "state.json",
        state_interval=86_400,  # it writes the file when it stops
        accounts=_PEOPLE,
    )
    return World(anvil, folder / "deployments", [])


def _people(line: Line) -> list[bytes]:
    return [bytes.fromhex(one[2:]) for one in line("eth_accounts")]


def _build(recipe: Recipe, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    place = kept.with_name(kept.name + ".part")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    made = _node(place)
    with say.step(f"the chain of seed {recipe.seed} built: {recipe.blocks:,} blocks (kept for the next time)"):
        try:
            made.anvil.start()
            line = made.line
            made.people = _people(line)
            line("anvil_setBlockTimestampInterval", _BLOCK_SECONDS)
            line("evm_setAutomine", False)  # noqa: FBT003 - a JSON-RPC parameter
            contracts.deploy(made, line, 2, recipe.tickets)
            _trade(made, line, recipe)
            made.anvil.stop()
        finally:
            made.anvil.kill()
        with (place / "state.json").open("rb") as state, gzip.open(place / "state.json.gz", "wb", 1) as packed:
            shutil.copyfileobj(state, packed)
        (place / "state.json").unlink()
        (place / "world.json").write_text(json.dumps(made.as_json()))
        place.rename(kept)


def _trade(made: World, line: Line, recipe: Recipe) -> None:
    # The same chain from the same seed is the point.
    chance = random.Random(recipe.seed)  # noqa: S311
    tickets: list[_Ticket] = []
    for collection in made.collections:
        for number, start in enumerate(range(0, recipe.tickets, _BATCH), 1):
            owners = sorted(chance.choices(made.people, k=min(_BATCH, recipe.tickets - start)))
            ids = contracts.mint(made, line, collection, number, owners)
            tickets += [_Ticket((collection, token), owner) for token, owner in zip(ids, owners, strict=True)]
    for start in range(0, recipe.blocks, _AT_ONCE):
        blocks = [_moves(recipe, chance, made, tickets) for _ in range(min(_AT_ONCE, recipe.blocks - start))]
        signed = _signatures(made, line, [move for block in blocks for move in block if move.is_sale])
        for block in blocks:
            line.many([_transaction(made, move, signed) for move in block])
            line("evm_mine")
    _check(line)


def _moves(recipe: Recipe, chance: random.Random, made: World, tickets: list[_Ticket]) -> list[_Move]:
    """Choose what one block does; no ticket moves twice in it, so the order inside does not matter."""
    found: list[_Move] = []
    half = len(tickets) // 2
    for number in range(recipe.gifts + recipe.resales):
        is_sale = number >= recipe.gifts
        in_coins = is_sale and (number - recipe.gifts) % _COINS_EVERY == _COINS_EVERY - 1
        low, high = (half, len(tickets)) if in_coins else (0, half) if is_sale else (0, len(tickets))
        ticket = tickets[chance.randrange(low, high)]
        receiver = chance.choice(made.people)
        if receiver == ticket.owner or any(move.place == ticket.place for move in found):
            continue
        found.append(_Move(ticket.place, ticket.owner, receiver, ticket.epoch, is_sale))
        ticket.owner, ticket.epoch = receiver, ticket.epoch + 1
    return found


def _listing(made: World, move: _Move) -> dict[str, object]:
    return contracts.listing(made, move.place, move.sender, move.epoch)


def _signatures(made: World, line: Line, sales: list[_Move]) -> dict[_Move, bytes]:
    """Have the node sign the sellers' orders: it knows everybody's key."""
    documents: list[Call] = [
        (
            "eth_signTypedData_v4",
            [
                text_of(move.sender),
                typed_data.document(
                    name="Backstage Market",
                    version="1",
                    chain_id=CHAIN_ID,
                    verifying_contract=made.contracts["ResaleMarket"],
                    types={"Listing": _LISTING},
                    primary_type="Listing",
                    message=_listing(made, move),
                ),
            ],
        )
        for move in sales
    ]
    found = line.many(documents)
    return {move: bytes.fromhex(text[2:]) for move, text in zip(sales, found, strict=True)}


def _transaction(made: World, move: _Move, signed: dict[_Move, bytes]) -> Call:
    collection, token = move.place
    if not move.is_sale:
        data = abi.encode_call("TicketCollection", "transferFrom", [move.sender, move.receiver, token])
        return made.call(move.sender, collection, data)
    data = abi.encode_call("ResaleMarket", "buy", [_listing(made, move), signed[move], [], FACE, _NO_PERMIT])
    value = FACE if collection == made.collections[0] else 0
    return made.call(move.receiver, made.contracts["ResaleMarket"], data, value=value)


def _check(line: Line) -> None:
    """Refuse a chain of which a part was reverted: it would hold fewer logs than it should."""
    head = int(line("eth_blockNumber"), 16)
    receipts = line("eth_getBlockReceipts", hex(head))
    if not receipts or any(receipt["status"] != "0x1" for receipt in receipts):
        message = "transactions of the last block were reverted"
        raise Trouble(message)
