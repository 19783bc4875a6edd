"""Tickets for BKS: bought from the box office by quote, sold on through the market, refused where they must be."""

from typing import TYPE_CHECKING

from eth_utils import keccak

from scripts.demo.http import Answer, until
from scripts.demo.people import BKS
from scripts.demo.show import short

if TYPE_CHECKING:
    from scripts.demo.story import Story


class Unsettled(Exception):
    """Index, ledger and chain do not say the same."""


def agree(claim: str, **said: object) -> None:
    """Raise Unsettled unless all say the same."""
    if len(set(said.values())) != 1:
        raise Unsettled(f"{claim}: {said}")


def selector(error: str) -> str:
    """Return how a custom error begins on the wire, such as `StaleEpoch(uint32,uint32)`."""
    return f"0x{keccak(text=error)[:4].hex()}"


def tokens(story: "Story", owner: str) -> int:
    """Return how many BKS base units an address has, by the token's own word."""
    token = story.world.manifest["contracts"]["BKS"]["address"]
    found: int = story.node.read(token, "balanceOf(address)", owner, returns="uint256")
    return found


def books(story: "Story", account: str) -> int:
    """Return a balance of the promoter's ledger in BKS base units; 0 when nothing was posted."""
    balances = story.promoter.api.get(f"/v1/organisations/{story.organisation}/ledger")["balances"]
    return sum(int(b["amount"]) for b in balances if (b["account"], b["currency"]) == (account, "BKS"))


def by_quote(story: "Story") -> None:
    """Buy a ticket with BKS: the platform signs a price, one transaction pays and mints, the index settles."""
    story.stage.act("A second fan buys one with BKS, by a signed quote")
    step, fan, node = story.stage.step, story.collector, story.node
    token = story.world.manifest["contracts"]["BKS"]["address"]
    with step("admin gives her BKS, and gas money") as seen:
        seen.append(
            f"tx {short(node.transact(story.admin.wallet, token, 'mint(address,uint256)', fan.address, 100 * BKS))}"
        )
        node.give(story.admin.wallet, fan.address)
    with step("order placed, priced in BKS by the promoter") as seen:
        order = fan.order_on_chain(story.show, story.show.standing, 1)
        agree("price", order=int(order["total_minor"]), promoter=25 * BKS)
        seen.append(f"order {order['number']} 25 BKS")
    with step("quote signed by the platform, permit by her wallet") as seen:
        quoted = fan.quote(order)
        seen.append(f"quote {short(quoted['quote_id'])}")
    with step("one transaction pays and mints") as seen:
        seen.append(f"tx {short(fan.send(quoted['transaction']))}")
    with step("the index settles the order, no client's word") as seen:
        fan.await_order(order["order_id"], "FULFILLED")
        [ticket] = fan.tickets(order["order_id"])
        story.held_by(ticket, fan.address)
        seen.append(f"token {ticket['token_id']}")
    with step("index, ledger and chain agree on the money") as seen:
        collection = story.show.collection
        agree(
            "price paid",
            ledger=books(story, "provider:crypto:collection"),
            chain=tokens(story, collection),
            quote=int(quoted["price"]),
        )
        due: int = node.read(collection, "due(address)", token, returns="uint256")
        agree("the promoter's share", ledger=-books(story, "organisation:revenue"), chain=due)
        seen.append(f"promoter {due / BKS:g} BKS, platform {int(quoted['fee']) / BKS:g} BKS")
    with step("refused: the same quote a second time") as seen:
        agree("refusal", chain=node.refusal(quoted["transaction"]), error=selector("QuoteUsed(bytes32)"))
        seen += ["on chain: QuoteUsed", f"before signing: {story.refusal(lambda: fan.quote(order))}"]


def resale(story: "Story") -> None:
    """Sell the claimed ticket on for BKS: seller, promoter and platform are paid by the same transaction."""
    story.stage.act("A fan lists a ticket; another buys it with BKS (resale hold of card-bought tickets: none here)")
    step, seller, buyer, node = story.stage.step, story.claimant, story.collector, story.node
    contracts = story.world.manifest["contracts"]
    market, price = contracts["ResaleMarket"]["address"], 40 * BKS
    with step("refused before signing: a price over the cap") as seen:
        seen.append(story.refusal(lambda: seller.list_ticket(story.claimed["ticket_id"], price + 1)))
    with step("the seller signs the listing (EIP-712)") as seen:
        listing = seller.list_ticket(story.claimed["ticket_id"], price)
        agree("status", listing=listing["status"], wanted="LISTED")
        seen.append(f"40 BKS, {int(listing['proceeds']) / BKS:g} to the seller")
    collector: str = node.read(market, "feeReceiver()", returns="address")
    before = {who: tokens(story, who) for who in (seller.address, story.promoter.address, collector)}
    with step("the buyer signs a permit and sends the market's buy") as seen:
        seen.append(f"tx {short(buyer.send(buyer.purchase(listing)))}")
    with step("the index follows, once it is final") as seen:
        found = story.held_by(story.claimed, buyer.address)
        seen += [f"holder {short(buyer.address)}", f"epoch {found['epoch']}"]
    with step("royalty and fee arrived; index, ledger, chain agree") as seen:
        [sale] = story.fan.api.get(f"/v1/collections/{story.show.collection}/sales", kind="SALE")["items"]
        agree(
            "seller + royalty + fee", index=sum(int(sale[part]) for part in ("proceeds", "royalty", "fee")), price=price
        )
        got = {who: tokens(story, who) - had for who, had in before.items()}
        until("the sale is in the ledger", lambda: books(story, "organisation:royalty") or None)
        agree("proceeds", index=int(sale["proceeds"]), chain=got[seller.address], ledger=-books(story, "fans:resale"))
        agree(
            "royalty",
            index=int(sale["royalty"]),
            chain=got[story.promoter.address],
            ledger=-books(story, "organisation:royalty"),
        )
        agree("fee", index=int(sale["fee"]), chain=got[collector], ledger=-books(story, "platform:resale_fee"))
        seen += [f"{part} {int(sale[part]) / BKS:g} BKS" for part in ("proceeds", "royalty", "fee")]


def refusals(story: "Story") -> None:
    """Try what must not be sold: a used ticket, and by a listing of before a round trip."""
    story.stage.act("What the market refuses")
    step, seller, buyer, node = story.stage.step, story.collector, story.stranger, story.node
    with step("refused before signing: a used ticket") as seen:
        seen.append(story.refusal(lambda: story.friend.list_ticket(story.tickets[0]["ticket_id"], BKS)))
    with step("a listing, and its ticket goes out and comes back") as seen:
        token = story.world.manifest["contracts"]["BKS"]["address"]
        node.transact(story.admin.wallet, token, "mint(address,uint256)", buyer.address, 100 * BKS)
        node.give(story.admin.wallet, buyer.address)
        ticket_id = story.claimed["ticket_id"]
        listing = seller.list_ticket(ticket_id, BKS)
        kept = buyer.purchase(listing)
        seller.give(ticket_id, buyer.address)
        story.held_by(story.claimed, buyer.address)
        buyer.give(ticket_id, seller.address)
        story.held_by(story.claimed, seller.address)
        seen.append(f"listing {listing['id']}")
    with step("refused: the old listing, though its seller holds it") as seen:

        def look() -> Answer | None:
            shown = seller.api.get(f"/v1/listings/{listing['id']}")
            return shown if shown["status"] == "INVALID" else None

        shown = until("the listing is invalid", look)
        seen += [f"{shown['status']}: {shown['reason']}", story.refusal(lambda: buyer.purchase(listing))]
    with step("refused on chain all the same: the transaction kept") as seen:
        agree("refusal", chain=node.refusal(kept), error=selector("StaleEpoch(uint32,uint32)"))
        seen.append("StaleEpoch")
