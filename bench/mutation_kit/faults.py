"""Faults somebody could really make, each a small patch of the contracts and what an attacker would gain by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_BASE = "contracts/base"
_HEAD = re.compile(r"\b(?:function|modifier) (\w+)\(")


class DoesNotApply(Exception):
    """What a patch looks for stands in the source not exactly once."""


@dataclass(frozen=True)
class Fault:
    """One fault: in `source`, `search` becomes `replace`."""

    name: str
    gain: str
    source: str
    search: str
    replace: str

    def apply(self, sources: Mapping[str, str]) -> dict[str, str]:
        """Return the sources with the fault in them. Raises DoesNotApply."""
        count = sources[self.source].count(self.search) if self.source in sources else 0
        if count != 1:
            raise DoesNotApply(f"{self.name}: `{self.search}` stands {count} times in {self.source}, not once")
        return {**sources, self.source: sources[self.source].replace(self.search, self.replace)}

    def where(self, sources: Mapping[str, str]) -> str:
        """Return contract and function: a contract of ours is named as its file."""
        before = sources[self.source].partition(self.search)[0]
        # What is searched for may begin before the body, in the function's own head.
        named = _HEAD.findall(before)[-1]
        return f"{self.source.rpartition('/')[2].removesuffix('.sol')}.{named}"


FAULTS: Final = (
    Fault(
        "hook-missing-at-one-entry-point",
        "safeTransferFrom without data moves used, locked and frozen tickets, to any contract",
        f"{_BASE}/TicketRules.sol",
        "        if (from == address(0) || to == address(0)) return;\n        _refuseValue();",
        "        if (from == address(0) || to == address(0) || msg.sig == 0x42842e0e) return;\n        _refuseValue();",
    ),
    Fault(
        "approval-survives-a-status-change",
        "who was approved before a dispute takes the ticket the moment it is unlocked",
        f"{_BASE}/TicketRules.sol",
        "        if (_getApproved(tokenId) != address(0)) _approve(address(0), tokenId);\n",
        "",
    ),
    Fault(
        "cap-from-the-list-price",
        "a ticket sold at a quarter off is resold under the cap of the full price",
        f"{_BASE}/TicketRules.sol",
        "face * paid * _rules.capBps / (list * _BPS)",
        "face * (paid == 0 ? 0 : list) * _rules.capBps / (list * _BPS)",
    ),
    Fault(
        "status-not-looked-at-in-a-sale",
        "a used or locked ticket is sold on the market to somebody who then stands at the door",
        f"{_BASE}/TicketRules.sol",
        "if (status != Status.LIVE) revert TicketNotLive(tokenId, status);",
        "if (status != Status.LIVE && _kind != Kind.SALE) revert TicketNotLive(tokenId, status);",
    ),
    Fault(
        "digest-without-chain-id",
        "what was signed on one chain is used again on a fork or another network",
        f"{_BASE}/TypedData.sol",
        'keccak256("1"), block.chainid, address(this))',
        'keccak256("1"), uint256(31337), address(this))',
    ),
    Fault(
        "digest-without-contract",
        "a quote for a cheap event buys tickets of a dear one",
        f"{_BASE}/TypedData.sol",
        'keccak256("1"), block.chainid, address(this))',
        'keccak256("1"), block.chainid, address(0))',
    ),
    Fault(
        "epoch-not-compared",
        "a listing forgotten in a drawer sells the ticket again after it came back",
        f"{_BASE}/TicketRules.sol",
        "        if (epoch != current) revert StaleEpoch(current, epoch);\n",
        "        current;\n        epoch;\n",
    ),
    Fault(
        "quote-not-used-up",
        "one signed price buys tickets again and again",
        f"{_BASE}/BoxOffice.sol",
        "        isQuoteUsed[q.id] = true;\n",
        "",
    ),
    Fault(
        "cancelled-batch-is-forgotten",
        "a batch that was given up is minted after its tickets went out under another number",
        f"{_BASE}/Minting.sol",
        "        _lastBatch = number;\n",
        "        if (contents != _CANCELLED) _lastBatch = number;\n",
    ),
    Fault(
        "allowance-not-spent-by-single-mints",
        "a leaked minter key mints the whole supply through ERC-7439",
        f"{_BASE}/Minting.sol",
        "        _spendAllowance(1);\n",
        "",
    ),
    Fault(
        "rotation-starts-a-new-day",
        "whoever can rotate the minter lifts the daily limit",
        f"{_BASE}/CollectionRoles.sol",
        "(_minter.account, minterAllowance) = (minter_, allowance);",
        "(_minter.account, _minter.count, minterAllowance) = (minter_, 0, allowance);",
    ),
    Fault(
        "guardian-names-an-operator",
        "the guardian, who may only stop things, voids tickets",
        f"{_BASE}/CollectionRoles.sol",
        "if (msg.sender != guardian || operator_ != address(0)) _checkOwner();",
        "if (msg.sender != guardian) _checkOwner();",
    ),
    Fault(
        "credit-not-written-off",
        "a receiver that was credited once withdraws until the market is empty",
        "contracts/ResaleMarket.sol",
        "        creditOf[msg.sender][currency] = 0;\n",
        "",
    ),
    Fault(
        "anybody-withdraws-the-buyback-fund",
        "anybody takes the money that a promoter keeps for tickets sold back",
        "contracts/ResaleMarket.sol",
        "        known(collection)\n        onlyOwnerOf(collection)\n    {\n        if (to == address(0))",
        "        known(collection)\n    {\n        if (to == address(0))",
    ),
    Fault(
        "one-ticket-bought-back-again-and-again",
        "who has a leaked quote key and one free ticket sells it to and fro until the buy-back fund is empty",
        "contracts/ResaleMarket.sol",
        "        if (block.timestamp < readyAt) revert BuybackTooSoon(readyAt);\n",
        "        readyAt;\n",
    ),
    Fault(
        "paused-sale-leaves-buy-backs",
        "while the guardian has paused SALE a leaked quote key goes on taking the buy-back fund",
        "contracts/ResaleMarket.sol",
        "ITicketCollection(t.collection).paused() & Scope.SALE != 0",
        "ITicketCollection(t.collection).paused() & Scope.SALE > Scope.ALL",
    ),
    Fault(
        "ticket-sold-to-its-own-holder",
        "a holder sells to itself for nothing and its gifts begin anew",
        "contracts/ResaleMarket.sol",
        "        if (d.seller == d.buyer) revert SaleToOneself();\n",
        "",
    ),
    Fault(
        "approved-accounts-give-limited-gifts",
        "any foreign marketplace settles as a gift, above the cap and without royalty",
        f"{_BASE}/TicketRules.sol",
        "            if (msg.sender != holder) revert GiftNotByHolder();\n",
        "            holder;\n",
    ),
    Fault(
        "recovery-outlives-an-unlock",
        "a ticket that is locked again is moved at once, on a request nobody remembers",
        f"{_BASE}/TicketRules.sol",
        "            emit Unlocked(tokenId);\n            _endRecovery(tokenId);\n",
        "            emit Unlocked(tokenId);\n",
    ),
    Fault(
        "amount-received-not-checked",
        "a token that keeps a fee pays less than the price, and the market pays the rest from others' money",
        "contracts/libraries/Payments.sol",
        "if (now_ != before + amount) revert",
        "if (now_ < before) revert",
    ),
    Fault(
        "royalty-not-bounded",
        "a promoter raises the royalty between a seller's signature and the sale",
        "contracts/ResaleMarket.sol",
        "        if (d.royalty > maxRoyalty) revert RoyaltyAboveMax(maxRoyalty, d.royalty);\n",
        "        maxRoyalty;\n",
    ),
    Fault(
        "cancel-all-is-not-asked",
        "listings that a seller took back all at once still sell",
        "contracts/ResaleMarket.sol",
        "        if (counterOf[signer] != counter) revert StaleCounter(counterOf[signer], counter);\n",
        "        counter;\n",
    ),
    Fault(
        "leaf-not-bound-to-the-root",
        "a seller's signature over a tree sells any of the seller's tickets at any price",
        "contracts/ResaleMarket.sol",
        "_root(proof, signed)",
        "proof[proof.length - 1]",
    ),
    Fault(
        "recovery-without-delay",
        "a promoter takes a locked ticket before its holder can refuse",
        f"{_BASE}/TicketRules.sol",
        "        if (block.timestamp < readyAt) revert RecoveryTooSoon(readyAt);\n",
        "        readyAt;\n",
    ),
    Fault(
        "collection-initialised-twice",
        "anybody makes itself the owner of a running collection",
        f"{_BASE}/TwoStepOwnable.sol",
        "        return true;\n",
        "        return false;\n",
    ),
    Fault(
        "deployer-without-consent",
        "a leaked deployer key opens collections in a promoter's name with its own terms",
        "contracts/CollectionFactory.sol",
        "if (!Signatures.isValid(p.promoter, _digest(_hashConsent(p, deadline)), consent)) revert BadConsent();",
        "_digest(_hashConsent(p, deadline));\n        consent;",
    ),
    Fault(
        "lock-never-taken",
        "a receiver that is paid or minted to enters again in the middle",
        f"{_BASE}/Guarded.sol",
        "        _entered = true;\n",
        "",
    ),
    Fault(
        "reward-id-good-twice",
        "a reward that is sent again after a crash is paid twice",
        "contracts/BKS.sol",
        "        isRewarded[id] = true;\n",
        "",
    ),
    Fault(
        "high-s-accepted",
        "a third form of one signature passes, where something counts signatures to know what was used",
        "contracts/libraries/Signatures.sol",
        "        if (uint256(s) > _HALF_ORDER) return false;\n",
        "",
    ),
)
"""Named for what is wrong."""
