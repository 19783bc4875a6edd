"""Sending, always in the same five steps: show, try, ask, send, wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from ape import chain
from ape.exceptions import ApeException
from eth_utils import to_bytes
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.types import TxParams

from scripts._contract import Contract, node
from scripts._keys import Signer
from scripts._network import Connection
from scripts._refusals import explain

_PATIENCE = 60.0
"""Seconds that a key's earlier transactions are waited for."""
_SPARE = 12, 10
"""Gas allowed over the estimate: state may change before the transaction is mined."""


@dataclass(frozen=True)
class Call:
    """One call of a contract, and what it is for."""

    contract: Contract
    function: str
    arguments: tuple[object, ...] = ()

    @property
    def data(self) -> str:
        """The calldata."""
        return self.contract.data(self.function, self.arguments)

    def transaction(self, sender: str) -> TxParams:
        """Return what a node is asked to try."""
        return {"from": sender, "to": self.contract.address, "data": self.data}  # type: ignore[typeddict-item]


class Refused(click.ClickException):
    """The contract would revert, or did; the message says with what."""


def estimate(call: Call, sender: str) -> int:
    """Try the call as `sender` on the latest block and return the gas it needs. Raises Refused."""
    transaction = call.transaction(sender)
    try:
        node().eth.call(transaction)
        return int(node().eth.estimate_gas(transaction))
    except ContractLogicError as error:
        raise Refused(f"{call.function}: {explain(_data_of(error))}") from error
    except Web3RPCError as error:
        raise Refused(f"{call.function}: the node refuses it: {error.message}") from error


def with_spare(gas: int) -> int:
    """Return the gas allowed where the estimate is `gas`."""
    return gas * _SPARE[0] // _SPARE[1]


def execute(connection: Connection, signer: Signer, calls: Sequence[Call], warning: str = "Send?") -> list[Any]:
    """Show and try every call, ask once, then send them one after another and wait for each.

    A call that reverts is refused before anything is sent. Returns the receipts; none in a dry run. A run that breaks
    off in the middle is safe to repeat: commands look at the chain before they make their calls.
    """
    if not calls:
        return []
    if not connection.request.dry_run:
        let_earlier_ones_pass(signer)
    for call in calls:
        show(call, signer.address, estimate(call, signer.address), dry_run=connection.request.dry_run)
    if connection.request.dry_run:
        click.echo("dry run: nothing was sent")
        return []
    if not connection.request.yes:
        click.confirm(warning, abort=True)
    return [_send(connection, signer, call) for call in calls]


def show(call: Call, sender: str, gas: int, *, dry_run: bool) -> None:
    """Print what is sent, or would be."""
    click.echo("would send" if dry_run else "sending")
    click.echo(f"  from      {sender}")
    click.echo(f"  to        {call.contract}")
    click.echo(f"  function  {call.function}")
    for name, value in zip(call.contract.names_of(call.function), call.arguments, strict=True):
        click.echo(f"    {name or 'value':20} {_shown(value)}")
    click.echo(f"  gas       {gas:,} (estimate)")
    if dry_run:
        click.echo(f"  data      {call.data}")


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _send(connection: Connection, signer: Signer, call: Call) -> Any:
    transaction = chain.provider.network.ecosystem.create_transaction(
        receiver=call.contract.address,
        data=to_bytes(hexstr=call.data),
        gas_limit=with_spare(estimate(call, signer.address)),
        nonce=node().eth.get_transaction_count(signer.address, "pending"),  # type: ignore[arg-type]
        required_confirmations=connection.confirmations,
    )
    try:
        receipt = signer.account.call(transaction)
    except ApeException as error:
        raise Refused(reason(call, signer, error)) from error
    click.echo(
        f"{call.function}: done in block {receipt.block_number}, gas {receipt.gas_used:,}, tx {receipt.txn_hash}"
    )
    return receipt


def reason(call: Call, signer: Signer, error: Exception) -> str:
    """Return why it failed: what the contract says when it is tried again, or else Ape's words."""
    try:
        estimate(call, signer.address)
    except Refused as refused:
        return refused.message
    return f"{call.function}: it was not carried out ({type(error).__name__}: {error})"


def let_earlier_ones_pass(signer: Signer) -> None:
    """Wait for what this key has sent before, an interrupted run of this command perhaps: it may be the same call.

    Not for ever: the house uses the operator's key all the time, and the same call a second time is refused, not done.
    """
    give_up = time.monotonic() + _PATIENCE
    while _under_way(signer.address):
        if time.monotonic() > give_up:
            click.echo(f"{signer.address} has transactions that are not mined yet; going on behind them", err=True)
            return
        time.sleep(0.5)


def _under_way(address: str) -> bool:
    count = node().eth.get_transaction_count
    return count(address, "pending") > count(address, "latest")  # type: ignore[arg-type]


def _data_of(error: ContractLogicError) -> bytes:
    data = error.data
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    return b""
