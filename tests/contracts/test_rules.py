"""The promoter's rules: resale, cap, gifts, freeze, hold, the market's door, hand-outs and recovery."""

import ape
import pytest
from eth_utils import keccak
from trading import refused
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
    UNLIMITED,
    USED,
    VOID,
    ZERO,
    entries,
    events,
    names,
    rules,
    token,
)

DAY = 86_400
SOLD = 0
"""ERC-7439's word for a ticket that is neither used nor void."""


@pytest.fixture(scope="module")
def ruled(launch, people):
    """A collection whose market is a plain account, so that what the market may do can be tried by hand.

    Tickets: Anna's of tier 1, Ben's of tier 2, Anna's of tier 9 (without terms), one in escrow, the promoter's.
    """
    made = launch(eventRef=b"\x0a".rjust(32, b"\0"), market=people.relayer.address)
    batch = [(people.anna, 1), (people.ben, 2), (people.anna, 9), (made.address, 1), (people.promoter, 1)]
    made.mintBatch(1, entries(*batch), sender=people.minter)
    return made


ANNAS, BENS, WITHOUT_TERMS, ESCROWED, PROMOTERS = (token(1, index) for index in range(5))


@pytest.fixture
def sell(ruled, people, bks):
    """Move Anna's ticket to Cleo as the market does; a test bends one thing."""

    def send(kind=SALE, price=FACE, sender=people.relayer, **bent):
        call = {"from": people.anna, "to": people.cleo, "id": ANNAS, "epoch": 0, "currency": bks.address} | bent
        return ruled.marketMove(kind, *call.values(), price, sender=sender)

    return send


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


# ---- hold, freeze, gifts


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


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_ticket_is_given_on_as_often_as_the_rules_say(ruled, people, limit):
    ruled.setRules(rules(giftLimit=limit), sender=people.promoter)
    for _ in range(limit):
        ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftLimitReached, tokenId=ANNAS, limit=limit):
        ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)


@pytest.fixture
def approved(ruled, people, project):
    """Whom Anna approved: an account for the ticket, another for all of hers, and a marketplace that she makes act."""
    bazaar = people.stranger.deploy(project.TicketHolder)
    ruled.approve(people.cleo, ANNAS, sender=people.anna)
    ruled.setApprovalForAll(people.ben, True, sender=people.anna)
    ruled.setApprovalForAll(bazaar, True, sender=people.anna)

    def settle(*arguments):
        call = ruled.safeTransferFrom if len(arguments) > 3 else ruled.transferFrom
        bazaar.execute(ruled, call.encode_input(*arguments), sender=people.anna)

    def give(mover):
        def move(*arguments):
            (ruled.safeTransferFrom if len(arguments) > 3 else ruled.transferFrom)(*arguments, sender=mover)

        return move

    return [give(people.cleo), give(people.ben), settle]


@pytest.mark.parametrize("limit", [0, 1, 4, 254])
def test_where_gifts_are_limited_only_the_holder_gives(ruled, people, approved, limit):
    """Or any marketplace would settle as a gift, past resale, cap and royalty."""
    ruled.setRules(rules(resale=False, giftLimit=limit), sender=people.promoter)
    for move in approved:
        for data in ((), (b"",)):
            with refused("GiftNotByHolder"):
                move(people.anna, people.cleo, ANNAS, *data)
    if limit == 0:
        with ape.reverts(ruled.GiftLimitReached):
            ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
        return
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    ruled.safeTransferFrom(people.ben, people.cleo, BENS, b"", sender=people.ben)
    assert [ruled.ownerOf(ticket) for ticket in (ANNAS, BENS)] == [people.cleo, people.cleo]


def test_a_contract_that_holds_a_ticket_gives_it_itself(ruled, people, project):
    """Whoever began the transaction."""
    wallet = people.stranger.deploy(project.TicketHolder)
    ruled.setReceiverCodeHash(keccak(ape.chain.provider.get_code(wallet.address)), True, sender=people.promoter)
    ruled.setRules(rules(giftLimit=2), sender=people.promoter)
    ruled.transferFrom(people.anna, wallet, ANNAS, sender=people.anna)
    wallet.execute(ruled, ruled.transferFrom.encode_input(wallet, people.cleo, ANNAS), sender=people.stranger)
    assert ruled.ownerOf(ANNAS) == people.cleo


@pytest.mark.parametrize("which", range(3))
def test_without_a_limit_approved_accounts_give_as_erc_721_has_it(ruled, people, approved, which):
    """And any marketplace settles, at any price, even while resale is off: what a promoter takes 255 for."""
    ruled.setRules(rules(resale=False, giftLimit=UNLIMITED), sender=people.promoter)
    approved[which](people.anna, people.cleo, ANNAS)
    assert ruled.ownerOf(ANNAS) == people.cleo


def test_an_approved_account_is_bound_by_freeze_and_cool_off(ruled, people, approved):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftTooSoon):
        approved[1](people.anna, people.cleo, ANNAS)
    ruled.setRules(rules(freezeAt=1), sender=people.promoter)
    with ape.reverts(ruled.TicketsFrozen):
        approved[1](people.anna, people.cleo, ANNAS)


def test_what_never_moved_need_not_cool_off_however_long_that_takes(ruled, people):
    ruled.setRules(rules(giftCoolOff=2**32 - 1), sender=people.promoter)  # would end in 2106, counted from zero
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.anna, ANNAS, sender=people.cleo)


@pytest.mark.parametrize("kind", [SALE, BUYBACK])
def test_the_market_is_no_giver(ruled, people, sell, kind):
    ruled.setRules(rules(giftLimit=0, giftCoolOff=DAY), sender=people.promoter)
    sell(kind)
    assert ruled.ownerOf(ANNAS) == people.cleo


def test_without_a_limit_the_count_of_gifts_stops_at_255(ruled, people):
    ruled.setRules(rules(giftLimit=UNLIMITED), sender=people.promoter)
    data = ruled.transferFrom.encode_input(people.anna, people.anna, ANNAS)
    gift = {"from": people.anna.address, "to": ruled.address, "data": data.hex(), "gas": hex(200_000)}
    for _ in range(256):
        ape.chain.provider.make_request("eth_sendTransaction", [gift])  # the node signs, ten times as fast as Ape
    ape.chain.mine()  # what it has not mined yet, or Ape would use a number twice
    ruled.transferFrom(people.anna, people.anna, ANNAS, sender=people.anna)
    assert ruled.giftState(ANNAS)[0] == 255
    assert ruled.ticket(ANNAS) == (people.anna, 1, LIVE, 257)


def test_a_ticket_rests_between_changes_of_hands(ruled, people, chain):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    moved = chain.pending_timestamp = chain.pending_timestamp + 10
    ruled.transferFrom(people.anna, people.cleo, ANNAS, sender=people.anna)  # the mint does not count
    with ape.reverts(ruled.GiftTooSoon, **{"tokenId": ANNAS, "from": moved + DAY}):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    chain.pending_timestamp = moved + DAY - 1
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    chain.pending_timestamp = moved + DAY
    ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)


def test_a_bought_ticket_rests_too_but_can_be_sold_at_once(ruled, people, sell):
    ruled.setRules(rules(giftCoolOff=DAY), sender=people.promoter)
    sell()
    with ape.reverts(ruled.GiftTooSoon):
        ruled.transferFrom(people.cleo, people.ben, ANNAS, sender=people.cleo)
    sell(**{"from": people.cleo, "to": people.ben, "epoch": 1})


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


# ---- recovery


@pytest.fixture
def asked(ruled, people):
    """Anna lost her wallet: her ticket is locked and the promoter asked to move it to Cleo's."""
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    return ruled


def test_a_lost_wallets_ticket_moves_after_two_days(ruled, people, chain):
    ruled.setRules(rules(giftLimit=0, freezeAt=1), sender=people.promoter)
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    receipt = ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    ready = chain.blocks.head.timestamp + 2 * DAY
    assert events(receipt, "RecoveryRequested") == [{"tokenId": ANNAS, "to": people.cleo, "epoch": 0, "readyAt": ready}]
    assert tuple(ruled.recovery(ANNAS)) == (people.cleo, ready)
    chain.pending_timestamp = ready - 1
    with ape.reverts(ruled.RecoveryTooSoon, readyAt=ready):
        ruled.recover(ANNAS, sender=people.promoter)
    chain.pending_timestamp = ready
    receipt = ruled.recover(ANNAS, sender=people.promoter)
    assert names(receipt) == ["StatusChanged", "Unlocked", "Transfer", "TicketMoved"]
    assert events(receipt, "TicketMoved") == [{"tokenId": ANNAS, "kind": RECOVERY, "epoch": 1}]
    assert ruled.ticket(ANNAS) == (people.cleo, 1, LIVE, 1)
    with ape.reverts(ruled.NoRecovery):
        ruled.recover(ANNAS, sender=people.promoter)


def test_only_the_owner_asks_and_only_for_locked_tickets(ruled, people):
    with ape.reverts(ruled.TicketNotLocked, tokenId=ANNAS):
        ruled.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    ruled.setStatus([ANNAS, ESCROWED], LOCKED, sender=people.operator)
    for other in (people.operator, people.guardian, people.anna, people.minter):
        with ape.reverts(ruled.Unauthorized):
            ruled.requestRecovery(ANNAS, people.cleo, sender=other)
        with ape.reverts(ruled.Unauthorized):
            ruled.recover(ANNAS, sender=other)
    with ape.reverts(ruled.ReceiverIsZero):
        ruled.requestRecovery(ANNAS, ZERO, sender=people.promoter)
    with ape.reverts(ruled.TicketInEscrow, tokenId=ESCROWED):
        ruled.requestRecovery(ESCROWED, people.cleo, sender=people.promoter)
    with ape.reverts(ruled.NoRecovery, tokenId=ANNAS):
        ruled.recover(ANNAS, sender=people.promoter)
    for call in (ruled.requestRecovery, ruled.recover, ruled.cancelRecovery):
        with ape.reverts(ruled.TokenDoesNotExist):
            call(token(7), *([people.cleo] if call is ruled.requestRecovery else []), sender=people.promoter)
    with ape.reverts(ruled.TokenDoesNotExist):
        ruled.recovery(token(7))


def test_the_holder_or_the_owner_ends_a_recovery(asked, people, chain):
    for other in (people.operator, people.cleo, people.guardian):
        with ape.reverts(asked.NotOwnerOrHolder):
            asked.cancelRecovery(ANNAS, sender=other)
    receipt = asked.cancelRecovery(ANNAS, sender=people.anna)
    assert events(receipt, "RecoveryCancelled") == [{"tokenId": ANNAS, "by": people.anna}]
    with ape.reverts(asked.NoRecovery):
        asked.cancelRecovery(ANNAS, sender=people.anna)
    asked.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    asked.cancelRecovery(ANNAS, sender=people.promoter)
    chain.pending_timestamp += 3 * DAY
    with ape.reverts(asked.NoRecovery):
        asked.recover(ANNAS, sender=people.promoter)


@pytest.mark.parametrize("status", [USED, VOID])
def test_a_ticket_that_ended_is_not_recovered(asked, people, chain, status):
    receipt = asked.setStatus([ANNAS], status, sender=people.operator)
    assert "RecoveryCancelled" not in names(receipt)
    chain.pending_timestamp += 3 * DAY
    with ape.reverts(asked.TicketNotLocked):
        asked.recover(ANNAS, sender=people.promoter)


UNLOCKS = {
    "setStatus": (lambda c, operator: c.setStatus([ANNAS], LIVE, sender=operator), []),
    "changeState": (lambda c, operator: c.changeState(ANNAS, b"", SOLD, 0, sender=operator), ["TokenStatusChanged"]),
}


@pytest.mark.parametrize("unlock", UNLOCKS)
def test_an_unlock_ends_a_recovery_for_good(asked, people, chain, unlock):
    """Or an old request would move the ticket at the next lock, without the two days."""
    call, more = UNLOCKS[unlock]
    receipt = call(asked, people.operator)
    assert names(receipt) == ["StatusChanged", "Unlocked", "RecoveryCancelled", *more]
    assert events(receipt, "RecoveryCancelled") == [{"tokenId": ANNAS, "by": people.operator}]
    assert tuple(asked.recovery(ANNAS)) == (ZERO, 0)
    chain.pending_timestamp += 30 * DAY
    for again in (False, True):
        if again:
            asked.setStatus([ANNAS], LOCKED, sender=people.operator)
        with ape.reverts(asked.NoRecovery, tokenId=ANNAS):
            asked.recover(ANNAS, sender=people.promoter)
    # A new request waits its own two days.
    asked.requestRecovery(ANNAS, people.cleo, sender=people.promoter)
    with ape.reverts(asked.RecoveryTooSoon):
        asked.recover(ANNAS, sender=people.promoter)
    chain.pending_timestamp += 2 * DAY
    asked.recover(ANNAS, sender=people.promoter)
    assert asked.ownerOf(ANNAS) == people.cleo


@pytest.mark.parametrize("unlock", UNLOCKS)
def test_an_unlock_without_a_recovery_tells_of_none(ruled, people, unlock):
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    call, more = UNLOCKS[unlock]
    assert names(call(ruled, people.operator)) == ["StatusChanged", "Unlocked", *more]


def test_a_lock_of_one_ticket_ends_no_recovery_of_another(asked, people):
    asked.setStatus([BENS], LOCKED, sender=people.operator)
    asked.requestRecovery(BENS, people.cleo, sender=people.promoter)
    asked.setStatus([ANNAS], LIVE, sender=people.operator)
    assert [asked.recovery(ticket)[0] for ticket in (ANNAS, BENS)] == [ZERO, people.cleo]


def test_a_recovery_keeps_the_receiver_rule(ruled, people, project, chain):
    contract = people.stranger.deploy(project.Stranger)
    ruled.setStatus([ANNAS], LOCKED, sender=people.operator)
    for to, error in ((contract, ruled.ReceiverNotAllowed), (ruled, ruled.ReceiverIsCollection)):
        ruled.requestRecovery(ANNAS, to, sender=people.promoter)
        chain.pending_timestamp += 3 * DAY
        with ape.reverts(error):
            ruled.recover(ANNAS, sender=people.promoter)
