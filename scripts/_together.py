"""The same step in many collections: all of it is sent before anything is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click
from ape import chain
from ape.exceptions import ApeException
from eth_utils import to_bytes
from requests.exceptions import RequestException
from web3.exceptions import TimeExhausted, Web3Exception

from scripts._collections import AT_ONCE
from scripts._contract import node
from scripts._keys import Signer
from scripts._network import Connection
from scripts._sending import Call, Refused, estimate, let_earlier_ones_pass, reason, show, with_spare

_PATIENCE = 180.0
"""Seconds after which a transaction that is in no block is said to be missing."""


@dataclass(frozen=True)
class _Tried:
    call: Call
    signer: Signer
    gas: int


Failures = dict[str, str]
"""By collection, why nothing more was tried there."""


def execute_together(
    connection: Connection, acting: Callable[[Call], Signer], steps: Sequence[Sequence[Call]], warning: str
) -> Failures:
    """Try every call, ask once, then send each step as a whole and wait for it before the next.

    What is refused keeps nothing of other collections from being sent, only what else was meant for its own.
    """
    failures: Failures = {}
    tried: list[list[_Tried]] = []
    for step in steps:
        left = [call for call in step if call.contract.address not in failures]
        tried.append(_try_all(connection, acting, left, failures))
    tried = [[one for one in ready if one.call.contract.address not in failures] for ready in tried]
    if not any(tried):
        return failures
    if connection.request.dry_run:
        click.echo("dry run: nothing was sent")
        return failures
    if not connection.request.yes:
        click.confirm(warning, abort=True)
    for ready in tried:
        _send_step(connection, [one for one in ready if one.call.contract.address not in failures], failures)
    return failures


def _try_all(
    connection: Connection, acting: Callable[[Call], Signer], calls: Sequence[Call], failures: Failures
) -> list[_Tried]:
    signers = [acting(call) for call in calls]
    if not connection.request.dry_run:
        for signer in {signer.address: signer for signer in signers}.values():
            let_earlier_ones_pass(signer)

    def look(call: Call, signer: Signer) -> int | Refused:
        try:
            return estimate(call, signer.address)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(look, calls, signers))
    tried = []
    for call, signer, gas in zip(calls, signers, found, strict=True):
        if isinstance(gas, Refused):
            failures.setdefault(call.contract.address, gas.message)
        else:
            show(call, signer.address, gas, dry_run=connection.request.dry_run)
            tried.append(_Tried(call, signer, gas))
    return tried


def _send_step(connection: Connection, step: Sequence[_Tried], failures: Failures) -> None:
    """Send all of it, in order, then wait for all of it."""
    nonces: dict[str, int] = {}
    sent = []
    for one in step:
        address = one.signer.address
        if address not in nonces:
            nonces[address] = node().eth.get_transaction_count(address, "pending")  # type: ignore[arg-type]
        try:
            sent.append((one, _send(one, nonces[address])))
        except (ApeException, Web3Exception, RequestException, ValueError) as error:
            failures[one.call.contract.address] = reason(one.call, one.signer, error)
            del nonces[address]
        else:
            nonces[address] += 1
    give_up = time.monotonic() + _PATIENCE
    last = 0
    for one, sent_hash in sent:
        try:
            last = max(last, _await(one, sent_hash, give_up))
        except Refused as refused:
            failures[one.call.contract.address] = refused.message
    while sent and node().eth.block_number < last + connection.confirmations and time.monotonic() < give_up:
        time.sleep(0.5)


def _send(one: _Tried, nonce: int) -> Any:
    transaction = one.signer.account.prepare_transaction(
        chain.provider.network.ecosystem.create_transaction(
            receiver=one.call.contract.address,
            data=to_bytes(hexstr=one.call.data),
            gas_limit=with_spare(one.gas),
            nonce=nonce,
        )
    )
    signed = one.signer.account.sign_transaction(transaction)
    if signed is None:
        raise ValueError("it was not signed")
    return node().eth.send_raw_transaction(signed.serialize_transaction())


def _await(one: _Tried, sent_hash: Any, give_up: float) -> int:
    """Return the block it is in. Raises Refused when it is in none, or was refused there."""
    left = max(1.0, give_up - time.monotonic())
    try:
        receipt = node().eth.wait_for_transaction_receipt(sent_hash, timeout=left)
    except TimeExhausted:
        raise Refused(f"{one.call.function}: {sent_hash.to_0x_hex()} is in no block after {_PATIENCE:.0f} s") from None
    if not receipt["status"]:
        raise Refused(reason(one.call, one.signer, RuntimeError("it reverted")))
    told = f"done in block {receipt['blockNumber']}, gas {receipt['gasUsed']:,}, tx {sent_hash.to_0x_hex()}"
    click.echo(f"{one.call.contract.address} {one.call.function}: {told}")
    return int(receipt["blockNumber"])
