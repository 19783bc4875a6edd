"""The main job, step by step: from a fresh event to a fan through the door, with what must be refused beside it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.demo import trade
from scripts.demo.http import Answer, Refused, until
from scripts.demo.node import Node
from scripts.demo.people import BKS, DECLINED_CARD, GOOD_CARD, Admin, Fan, Guest, Promoter, Show, Steward, pay
from scripts.demo.show import Stage, short
from scripts.demo.wallet import Wallet


@dataclass(frozen=True)
class World:
    """Where things are, as scripts/start wrote it: addresses, and the admin's key."""

    api: str
    rpc: str
    stripe: str
    manifest: dict[str, Any]
    admin_key: str
    platform: dict[str, str]

    @classmethod
    def load(cls, file: Path) -> "World":
        """Read the file scripts/start wrote."""
        told = json.loads(file.read_text())
        manifest = Path(told["deployments"]) / f"{told['network'].replace(':', '-')}.json"
        return cls(
            api=told["api"],
            rpc=told["rpc"],
            stripe=told["stripe"],
            manifest=json.loads(manifest.read_text()),
            admin_key=told["admin"]["key"],
            platform=told["platform"],
        )


class Unmet(Exception):
    """Something the story promises did not hold."""


def expect(claim: str, seen: object, wanted: object) -> None:
    """Raise Unmet unless the two are equal."""
    if seen != wanted:
        raise Unmet(f"{claim}: expected {wanted}, saw {seen}")


class Story:
    """The people, and the acts in order; later acts stand on what earlier ones left."""

    def __init__(self, world: World, stage: Stage) -> None:
        """Bring everybody in."""
        self.world, self.stage = world, stage
        self.node = Node(world.rpc)
        self.admin = Admin(world.api, self.node, Wallet(world.admin_key))
        self.promoter = Promoter(world.api, self.node)
        self.steward = Steward(world.api, self.node)
        self.fan, self.friend, self.stranger, self.claimant = (Fan(world.api, self.node) for _ in range(4))
        self.collector = Fan(world.api, self.node)
        self.guest = Guest(world.api, "guest@example.org")
        self.show = Show("", "", "", "")
        self.tickets: list[Answer] = []
        self.claimed: Answer = {}

    def play(self) -> None:
        """Play all acts; raises at the first step that does not hold."""
        self.platform()
        self.collection()
        self.purchase()
        self.guest_purchase()
        self.gift()
        self.door()
        trade.by_quote(self)
        trade.resale(self)
        trade.refusals(self)

    def platform(self) -> None:
        """Check the contracts and roles an admin deployed and granted with Ape; onboard a promoter."""
        self.stage.act("The platform")
        step, contracts = self.stage.step, self.world.manifest["contracts"]
        with step("admin's contracts stand, deployed by Ape") as seen:
            for name, contract in contracts.items():
                expect(f"{name} has code", self.node.has_code(contract["address"]), wanted=True)
                seen.append(f"{name} {short(contract['address'])}")
        with step("admin granted the deployer its role") as seen:
            factory, deployer = contracts["CollectionFactory"]["address"], self.world.platform["deployer"]
            expect("deployer", self.node.read(factory, "isDeployer(address)", deployer, returns="bool"), wanted=True)
            seen.append(short(deployer))
        with step("admin signs in with a wallet (SIWE)") as seen:
            expect("role", "ADMIN" in self.admin.sign_in()["roles"], wanted=True)
            seen.append(short(self.admin.address))
        with step("admin makes a promoter") as seen:
            self.organisation = self.admin.onboard(self.promoter.address, "Night Owl Concerts")
            seen.append(f"organisation {self.organisation}")
        for person in (
            self.promoter,
            self.fan,
            self.friend,
            self.stranger,
            self.steward,
            self.claimant,
            self.collector,
        ):
            person.sign_in()

    def collection(self) -> None:
        """Create an event with two tiers; the promoter signs the deployment of its collection."""
        self.stage.act("The promoter")
        step = self.stage.step
        with step("creates an event with two tiers") as seen:
            self.show = self.promoter.plan(self.organisation, "Late Night Owls")
            seen.append(f"event {self.show.event_id}")
        with step("allows resale in BKS, at most at what was paid") as seen:
            self.promoter.allow_resale(self.show, {1: 25 * BKS, 2: 40 * BKS})
            seen.append("face values 25 and 40 BKS, cap 100 %")
        with step("signs the deployment of its collection (EIP-712)") as seen:
            predicted = self.promoter.consent(self.show)
            seen.append(f"will be {short(predicted)}")
        with step("collection is live: deployed, final, checked") as seen:
            found = self.promoter.await_collection(self.show)
            self.show = Show(self.show.event_id, found["address"], self.show.standing, self.show.balcony)
            expect("address as predicted", found["address"].lower(), predicted.lower())
            seen.append(short(found["address"]))
        with step("owner() is the promoter; the platform only mints") as seen:
            owner = self.node.read(self.show.collection, "owner()", returns="address")
            expect("owner()", owner, self.promoter.address)
            minter = self.node.read(self.show.collection, "minter()", returns="address")
            expect("minter()", minter.lower(), self.world.platform["minter"].lower())
            allowance = self.node.read(self.show.collection, "minterAllowance()", returns="uint64")
            seen += [f"owner {short(owner)}", f"minter {short(minter)}", f"allowance {allowance}"]
        with step("puts the event on sale") as seen:
            seen.append(self.promoter.publish(self.show)["status"])

    def purchase(self) -> None:
        """Buy two tickets by card: hold, checkout, signed webhook, ledger, one batch, the index."""
        self.stage.act("A fan with a wallet buys two tickets by card")
        step, fan = self.stage.step, self.fan
        with step("order placed, seats held") as seen:
            order = fan.order(self.show, self.show.standing, 2)["order"]
            seen.append(f"order {order['number']} {order['order_id']}")
        with step("Checkout Session opened") as seen:
            url = fan.checkout(order["order_id"])
            seen.append(url.rsplit("/", 1)[-1][:24] + "…")
        with step("a declined card is told so, nothing is lost") as seen:
            seen.append(pay(url, DECLINED_CARD))
        with step("a good card pays; Stripe's signed webhook arrives") as seen:
            expect("payment", pay(url, GOOD_CARD), "complete")
            paid = until(
                "the order is paid",
                lambda: found if (found := fan.api.get(f"/v1/orders/{order['order_id']}"))["paid_at"] else None,
            )
            seen.append(f"paid {int(paid['total_minor']) / 10 ** paid['exponent']:.2f} {paid['currency']}")
        with step("settled in the ledger, summing to zero") as seen:
            balances = self.promoter.api.get(f"/v1/organisations/{self.organisation}/ledger")["balances"]
            expect("sum of the ledger", sum(int(balance["amount"]) for balance in balances), 0)
            seen += [f"{balance['account']} {balance['amount']}" for balance in balances]
        with step("minted in one batch, final on chain") as seen:
            fan.await_order(order["order_id"], "FULFILLED")
            self.tickets = fan.tickets(order["order_id"])
            hashes = {ticket["tx_hash"] for ticket in self.tickets}
            expect("tickets", (len(self.tickets), len(hashes)), (2, 1))
            seen.append(f"tx {short(hashes.pop())}")
        with step("chain and index agree who holds them") as seen:
            for ticket in self.tickets:
                self.held_by(ticket, fan.address)
                seen.append(f"token {ticket['token_id']}")

    def held_by(self, ticket: Answer, owner: str) -> Answer:
        """Check the holder of a ticket on chain, and wait for the index to say the same."""
        token_id = int(ticket["token_id"])
        expect(f"ownerOf({token_id})", self.node.owner_of(self.show.collection, token_id), owner)

        def look() -> Answer | None:
            found = self.world_view(token_id)
            return found if found["owner"].lower() == owner.lower() and found["is_final"] else None

        return until(f"the index gives token {token_id} to {owner}", look)

    def world_view(self, token_id: int) -> Answer:
        """Return what the index says of a token, to anybody."""
        return self.fan.api.get(f"/v1/collections/{self.show.collection}/tickets/{token_id}")

    def guest_purchase(self) -> None:
        """Buy one by card without a wallet; it waits in escrow until a claim code moves it to one."""
        self.stage.act("A guest without a wallet buys one by card, and claims it later")
        step, guest = self.stage.step, self.guest
        with step("order placed with an e-mail address") as seen:
            order = guest.buy(self.show, self.show.balcony)
            seen.append(f"order {order['number']}, its secret shown once")
        with step("paid, minted into escrow, final") as seen:
            expect("payment", pay(guest.checkout(order["order_id"]), GOOD_CARD), "complete")
            guest.await_order(order["order_id"], "FULFILLED")
            [ticket] = guest.tickets(order["order_id"])
            self.held_by(ticket, self.show.collection)
            seen.append(f"token {ticket['token_id']} is owned by its collection")
        with step("claim code issued: hashed, single-use, expiring") as seen:
            code = guest.claim_code(order["order_id"], ticket["ticket_id"])
            seen.append(f"{code[:4]}…")
        with step("claim code and the wallet's signature move it") as seen:
            done = self.claimant.accept(code)
            self.held_by(ticket, self.claimant.address)
            self.claimed = ticket
            seen += [f"tx {short(done['tx_hash'])}", f"to {short(self.claimant.address)}"]
        with step("refused: the same code a second time") as seen:
            seen.append(self.refusal(lambda: self.stranger.accept(code)))

    @staticmethod
    def refusal(attempt: Any) -> str:
        """Return the code with which the API refuses; raises Unmet when it does not."""
        try:
            attempt()
        except Refused as refused:
            return refused.code
        raise Unmet("it was not refused")

    def gift(self) -> None:
        """Give one ticket to a friend's wallet; the index follows."""
        self.stage.act("The fan gives one ticket to a friend")
        step = self.stage.step
        with step("gas money arrives (from the admin's faucet)") as seen:
            seen.append(f"tx {short(self.node.give(self.admin.wallet, self.fan.address))}")
        with step("signs and sends the transaction the API returned") as seen:
            seen.append(f"tx {short(self.fan.give(self.tickets[0]['ticket_id'], self.friend.address))}")
        with step("the index follows, once it is final") as seen:
            found = self.held_by(self.tickets[0], self.friend.address)
            seen += [f"holder {short(self.friend.address)}", f"epoch {found['epoch']}"]

    def door(self) -> None:
        """Admit the friend once; refuse everybody else, each with its reason."""
        self.stage.act("At the door")
        step, ticket_id = self.stage.step, self.tickets[0]["ticket_id"]
        with step("promoter appoints a steward"):
            self.promoter.appoint(self.show, self.steward.address)
        for what, person, reason in (
            ("refused: the former holder", self.fan, "former_holder"),
            ("refused: a stranger", self.stranger, "wrong_holder"),
        ):
            with step(what) as seen:
                challenge = self.steward.challenge(self.show, ticket_id)
                seen.append(self._verdict(challenge, person.wallet.sign_typed(challenge["typed_data"]), reason))
        with step("refused: a forged signature") as seen:
            challenge = self.steward.challenge(self.show, ticket_id)
            genuine = self.friend.wallet.sign_typed(challenge["typed_data"])
            # The same r with s mirrored into the upper half: EIP-2 forbids it, a careless verifier takes it.
            seen.append(self._verdict(challenge, malleate(genuine), "bad_signature"))
        with step("the friend signs the challenge and is admitted") as seen:
            challenge = self.steward.challenge(self.show, ticket_id)
            signature = self.friend.wallet.sign_typed(challenge["typed_data"])
            verdict = self.steward.admit(challenge, signature)
            expect("verdict", verdict["result"], "ADMITTED")
            seen.append(f"ADMITTED  scan {verdict['scan_id']}")
        with step("refused: the same code again") as seen:
            seen.append(self._verdict(challenge, signature, "challenge_used"))
        with step("refused: a fresh code for a ticket inside") as seen:
            seen.append(self._second_entry(ticket_id))
        with step("the chain knows it is used") as seen:
            token_id = int(self.tickets[0]["token_id"])
            until("the token is USED", lambda: self.world_view(token_id)["status"] == "USED" or None)
            seen.append(f"token {token_id} USED")

    def _verdict(self, challenge: Answer, signature: str, reason: str) -> str:
        verdict = self.steward.admit(challenge, signature)
        expect("verdict", (verdict["result"], verdict["reason"]), ("REFUSED", reason))
        return f"{verdict['reason']}: {verdict['message']}"

    def _second_entry(self, ticket_id: str) -> str:
        try:
            challenge = self.steward.challenge(self.show, ticket_id)
        except Refused as refused:
            return refused.code
        signature = self.friend.wallet.sign_typed(challenge["typed_data"])
        return self._verdict(challenge, signature, "already_admitted")


_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def malleate(signature: str) -> str:
    """Return the other ECDSA signature of the same message: s mirrored, v flipped (SEC 1; forbidden by EIP-2)."""
    raw = bytes.fromhex(signature[2:])
    mirrored = _SECP256K1_ORDER - int.from_bytes(raw[32:64])
    return f"0x{(raw[:32] + mirrored.to_bytes(32) + bytes([55 - raw[64]])).hex()}"
