"""The promoter's rules: the market's door, the cap, hold and freeze, hand-outs."""

import ape
import pytest
from ruled import ANNAS, BENS, DAY, ESCROWED, PROMOTERS, WITHOUT_TERMS
from world import (
    BUYBACK,
    CLAIM,
    FACE,
    GIFT,
    ISSUER,
    LIVE,
    LOCKED,
    PAUSE_CLAIM,
    PAUSE_MINT,
    PAUSE_RESALE,
    PAUSE_SALE,
    RECOVERY,
    SALE,
    TIERS,
    USED,
    VOID,
    ZERO,
    entries,
    events,
    names,
    rules,
    token,
)

# ---- the market's door


def test_the_market_moves_a_ticket_and_starts_its_gifts_anew(ruled, people, sell, chain):
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    assert ruled.giftState(ANNAS)[0] == 1
    receipt = sell(epoch=1)
    assert names(receipt) == ["Transfer", "TicketMoved"]
    assert events(receipt, "TicketMoved") == [{"tokenId": ANNAS, "kind": SALE, "epoch": 2}]
    assert ruled.ticket(ANNAS) == (people.cleo, 1, LIVE, 2)
    assert tuple(ruled.giftState(ANNAS)) == (0, chain.blocks.head.timestamp)


def test_nobody_but_the_market_moves_by_sale(ruled, people, sell):
    for other in (people.anna, people.promoter, people.minter, people.operator, people.guardian, people.quote_signer):
        with ape.reverts(ruled.NotMarket):
            sell(sender=other)


@pytest.mark.parametrize("kind", [GIFT, CLAIM, ISSUER, RECOVERY, 6, 255])
def test_the_market_moves_for_sale_and_buyback_only(ruled, sell, kind):
    with ape.reverts(ruled.NotAMarketKind, kind=kind):
        sell(kind)


def test_a_sale_names_the_epoch_it_was_agreed_at(ruled, people, sell):
    for wrong in (1, 2**32 - 1):
        with ape.reverts(ruled.StaleEpoch, current=0, given=wrong):
            sell(epoch=wrong)
    ruled.transferFrom(people.anna, people.ben, ANNAS, sender=people.anna)
    ruled.transferFrom(people.ben, people.anna, ANNAS, sender=people.ben)
    with ape.reverts(ruled.StaleEpoch, current=2, given=0):
        sell()


def test_a_sale_is_from_the_holder(ruled, people, sell):
    with ape.reverts(ruled.TransferFromIncorrectOwner):
        sell(**{"from": people.ben})
    with ape.reverts(ruled.TokenDoesNotExist):
        sell(id=token(7))
    with ape.reverts(ruled.TransferToZeroAddress):
        sell(to=ZERO)


@pytest.mark.parametrize("status", [LOCKED, USED, VOID])
def test_only_live_tickets_are_sold(ruled, people, sell, status):
    ruled.setStatus([ANNAS], status, sender=people.operator)
    for kind in (SALE, BUYBACK):
        with ape.reverts(ruled.TicketNotLive, tokenId=ANNAS, status=status):
            sell(kind)


def test_a_sale_keeps_the_receiver_rule(ruled, people, sell, project):
    contract = people.stranger.deploy(project.Stranger)
    with ape.reverts(ruled.ReceiverNotAllowed):
        sell(to=contract)
    with ape.reverts(ruled.ReceiverIsCollection):
        sell(to=ruled)


def test_a_sale_is_in_the_one_currency(ruled, bks, sell):
    for other in (ZERO, ruled.address):
        with ape.reverts(ruled.WrongCurrency, expected=bks.address, given=other):
            sell(currency=other)


def test_a_closed_resale_still_lets_the_box_office_buy_back(ruled, people, sell):
    ruled.setRules(rules(resale=False), sender=people.promoter)
    with ape.reverts(ruled.ResaleClosed):
        sell()
    sell(BUYBACK)


@pytest.mark.parametrize("kind", [SALE, BUYBACK])
def test_a_paused_resale_stops_sales_and_buybacks_only(ruled, people, sell, kind):
    ruled.setPaused(PAUSE_RESALE, sender=people.guardian)
    with ape.reverts(ruled.ScopePaused, scope=PAUSE_RESALE):
        sell(kind)
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    ruled.issue([PROMOTERS], [people.cleo], sender=people.promoter)
    ruled.setPaused(PAUSE_SALE | PAUSE_MINT | PAUSE_CLAIM, sender=people.guardian)
    sell(kind, epoch=1)


# ---- the cap


def test_the_cap_is_face_times_what_was_paid_times_the_rule(ruled):
    assert ruled.capOf(ANNAS) == FACE * 110 // 100
    assert ruled.capOf(BENS) == 2 * FACE * 75 // 100 * 110 // 100


def test_a_price_at_the_cap_passes_and_one_unit_more_does_not(ruled, sell):
    cap = ruled.capOf(ANNAS)
    for kind in (SALE, BUYBACK):
        for above in (cap + 1, 2**256 - 1):
            with ape.reverts(ruled.PriceAboveCap, cap=cap, price=above):
                sell(kind, price=above)
    sell(price=cap)


def test_a_discount_lowers_the_cap(ruled, people, sell):
    # Ben paid 75 % of twice the face value; full price with 110 % would be 2.2.
    bent = {"from": people.ben, "id": BENS}
    with ape.reverts(ruled.PriceAboveCap):
        sell(price=2 * FACE, **bent)
    sell(price=1_650_000_000_000_000_000, **bent)


def test_the_cap_is_rounded_down_once(launch, people):
    made = launch(eventRef=b"\x0b".rjust(32, b"\0"), tiers=[(1, 100, 2, 3)], rules=rules(capBps=9999))
    made.mintBatch(1, entries((people.anna, 1)), sender=people.minter)
    assert made.capOf(token(1)) == 100 * 2 * 9999 // (3 * 10_000) == 66  # rounding twice would give 65


def test_a_tier_without_terms_cannot_be_sold_but_given(ruled, people, sell):
    with ape.reverts(ruled.TierNotPublished, tier=9):
        sell(id=WITHOUT_TERMS, price=0)
    with ape.reverts(ruled.TierNotPublished):
        ruled.capOf(WITHOUT_TERMS)
    ruled.transferFrom(people.anna, people.cleo, WITHOUT_TERMS, sender=people.anna)


def test_a_free_ticket_has_a_cap_of_nothing(ruled, people, sell):
    ruled.publishTiers([(9, FACE, 0, 100)], sender=people.promoter)
    with ape.reverts(ruled.PriceAboveCap, cap=0, price=1):
        sell(id=WITHOUT_TERMS, price=1)
    sell(id=WITHOUT_TERMS, price=0)


def test_the_terms_of_a_tier_are_set_once(ruled, people):
    for other in (people.guardian, people.minter, people.stranger):
        with ape.reverts(ruled.Unauthorized):
            ruled.publishTiers([(3, 1, 1, 1)], sender=other)
    receipt = ruled.publishTiers([(3, 1, 2, 3)], sender=people.promoter)
    assert events(receipt, "TierPublished") == [{"tier": 3, "face": 1, "paid": 2, "list": 3}]
    assert tuple(ruled.tierTerms(3)) == (3, 1, 2, 3)
    with ape.reverts(ruled.TierAlreadyPublished, tier=1):
        ruled.publishTiers([TIERS[0]], sender=people.promoter)
    for bad in ((4, 1, 1, 0), (4, 1, 2, 1), (4, 0, 0, 0)):
        with ape.reverts(ruled.BadTierTerms, tier=4):
            ruled.publishTiers([bad], sender=people.promoter)


def test_the_largest_terms_do_not_overflow(ruled, people):
    ruled.publishTiers([(9, 2**96 - 1, 2**64 - 1, 2**64 - 1)], sender=people.promoter)
    ruled.setRules(rules(capBps=65_535), sender=people.promoter)
    assert ruled.capOf(WITHOUT_TERMS) == (2**96 - 1) * 65_535 // 10_000


def test_only_the_owner_sets_the_rules(ruled, people):
    for other in (people.guardian, people.minter, people.operator, people.relayer):
        with ape.reverts(ruled.Unauthorized):
            ruled.setRules(rules(), sender=other)
    wanted = rules(resale=False, capBps=1, giftLimit=2, giftCoolOff=3, freezeAt=4, resaleHold=5, maxPerWallet=6)
    receipt = ruled.setRules(wanted, sender=people.promoter)
    assert names(receipt) == ["RulesChanged"]
    assert tuple(ruled.rules()) == wanted


# ---- hold, freeze


def test_a_ticket_paid_by_card_is_held_back(ruled, people, sell, chain):
    minted = ruled.mintedAt(1)
    ruled.setRules(rules(resaleHold=30 * DAY), sender=people.promoter)
    until = minted + 30 * DAY
    assert ruled.resaleHeldUntil(ANNAS) == until
    for kind in (SALE, BUYBACK):
        with ape.reverts(ruled.ResaleHeld, tokenId=ANNAS, until=until):
            sell(kind)
    # Giving it on does not shorten it, and does not begin it anew.
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    assert ruled.resaleHeldUntil(ANNAS) == until
    chain.pending_timestamp = until - 1
    with ape.reverts(ruled.ResaleHeld):
        sell(epoch=1)
    chain.pending_timestamp = until
    sell(epoch=1)


def test_frozen_tickets_move_for_the_box_office_only(ruled, people, sell, chain):
    freeze = chain.pending_timestamp + 100
    ruled.setRules(rules(freezeAt=freeze), sender=people.promoter)
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    chain.pending_timestamp = freeze
    for kind in (SALE, BUYBACK):
        with ape.reverts(ruled.TicketsFrozen, since=freeze):
            sell(kind, epoch=1)
    with ape.reverts(ruled.TicketsFrozen, since=freeze):
        ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    with ape.reverts(ruled.TicketsFrozen):
        ruled.safeTransferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    ruled.issue([PROMOTERS], [people.cleo], sender=people.promoter)


# ---- hand-outs


def test_the_owner_hands_out_tickets_it_holds_without_rules(ruled, people):
    ruled.setRules(rules(giftLimit=0, freezeAt=1), sender=people.promoter)
    receipt = ruled.issue([PROMOTERS], [people.cleo], sender=people.promoter)
    assert events(receipt, "TicketMoved") == [{"tokenId": PROMOTERS, "kind": ISSUER, "epoch": 1}]
    assert tuple(ruled.giftState(PROMOTERS)) == (0, 0)


def test_the_owner_hands_out_nobody_elses_tickets(ruled, people, project):
    for other in (ANNAS, ESCROWED):
        with ape.reverts(ruled.NotHeldByOwner, tokenId=other):
            ruled.issue([other], [people.cleo], sender=people.promoter)
    ruled.approve(people.promoter, ANNAS, sender=people.anna)
    with ape.reverts(ruled.NotHeldByOwner):
        ruled.issue([ANNAS], [people.cleo], sender=people.promoter)
    with ape.reverts(ruled.TokenDoesNotExist):
        ruled.issue([token(7)], [people.cleo], sender=people.promoter)
    with ape.reverts(ruled.Unauthorized):
        ruled.issue([ANNAS], [people.cleo], sender=people.anna)
    with ape.reverts(ruled.BadEntries):
        ruled.issue([PROMOTERS], [], sender=people.promoter)
    with ape.reverts(ruled.TransferToZeroAddress):
        ruled.issue([PROMOTERS], [ZERO], sender=people.promoter)
    with ape.reverts(ruled.ReceiverNotAllowed):
        ruled.issue([PROMOTERS], [people.stranger.deploy(project.Stranger)], sender=people.promoter)
    ruled.setStatus([PROMOTERS], USED, sender=people.operator)
    with ape.reverts(ruled.TicketNotLive):
        ruled.issue([PROMOTERS], [people.cleo], sender=people.promoter)
