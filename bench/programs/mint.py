"""Paid tickets per second, through rows, batching, signing, receipts and the index, held against two scripts."""

from __future__ import annotations

import argparse
import sys

from backend.kit import logs
from bench.figures import Figure, report
from bench.mint_kit import sales, scripts
from bench.mint_kit.house import BLOCK_GAS, BLOCK_SECONDS, House, Prepared, house, prepare
from bench.slope import Climb, watch
from scripts.machine import layout, say

_HALF, _TIMES = 0.5, 3.0
_SINGLES = 3_000
_WORKING = ("worker", "indexer")
_STATE = layout.ROOT / ".build" / "bench" / "mint"
_FINAL = """
    SELECT count(*) FROM tickets t JOIN mint_jobs j ON j.ticket_id = t.id
    WHERE t.event_id = %s AND j.status = 'FINAL' AND t.status = 'LIVE'
"""


def main(arguments: list[str]) -> int:
    """Measure, and return 0 when the goals are met."""
    parser = argparse.ArgumentParser(prog="bench/mint", description=__doc__)
    parser.add_argument("--tickets", type=int, default=30_000, help="paid tickets to mint (default 30,000)")
    parser.add_argument("--per-order", type=int, default=2, help="tickets an order, all to one new wallet (default 2)")
    parser.add_argument("--batch-size", type=int, default=1_000, help="tickets a batch at most (default 1,000)")
    parser.add_argument("--json", action="store_true", help="print the figures as one last line of JSON")
    asked = parser.parse_args(arguments)
    logs.configure("WARNING")
    say.heading(
        f"Minting {asked.tickets:,} paid tickets: one signer, anvil with {BLOCK_SECONDS}-second blocks "
        f"of {BLOCK_GAS // 10**6}M gas, everything on this machine"
    )
    wallets = sales.buyers(asked.tickets, asked.per_order)
    with house(_STATE, {"BATCH_SIZE": str(asked.batch_size), "REWARDS_PER_ORDER": "0"}) as running:
        with say.step("three collections deployed and on sale"):
            ours, bare, single = prepare(running, ["Ours", "Bare", "Single"], asked.tickets)
        with scripts.chain_like(running.world.rpc) as node:
            floor = scripts.bare(node, bare, running.minter_key, wallets, asked.per_order, asked.batch_size)
        with scripts.chain_like(running.world.rpc) as node:
            singles = scripts.pipelined(node, single, running.minter_key, wallets[:_SINGLES])
        with say.step("orders paid (not measured)"):
            sales.sell(running, ours, wallets, asked.per_order)
        climb = _ours(running, ours, asked.tickets)
        peak = sum(running.peak_rss_mb(name) for name in _WORKING)
    return report(_figures(climb, floor, singles, peak), as_json=asked.json)


def _ours(running: House, prepared: Prepared, tickets: int) -> Climb:
    with running.connect() as connection:

        def count() -> int:
            [(found,)] = connection.execute(_FINAL, (prepared.event_id,)).fetchall()
            return int(str(found))

        return watch("Backstage", tickets, count, every=0.2)


def _figures(ours: Climb, floor: Climb, singles: Climb, peak: float) -> list[Figure]:
    rate, bare, single = ours.per_second(), floor.per_second(), singles.per_second()
    return [
        Figure("tickets_per_second", rate, "1/s", None, None, met=True),
        Figure(
            "share_of_bare_script", rate / bare, "", f"{bare:,.0f}/s bare script", f">= {_HALF}", rate >= _HALF * bare
        ),
        Figure(
            "ratio_to_pipelined",
            rate / single,
            "x",
            f"{single:,.0f}/s web3.py",
            f">= {_TIMES:g}",
            rate >= _TIMES * single,
        ),
        Figure("peak_rss_mb", peak, "MB", "worker and indexer together", None, met=True),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
