"""The drill: a minter key leaks, mints what nobody bought, and one command puts an end to it."""

import json

import ape
import pytest
import signing
from eth_utils import keccak
from signing import NO_PERMIT
from world import LIVE, LOCKED, PAUSE_MINT, PAUSE_RESALE, PAUSE_SALE, USED, VOID, ZERO, entries, token

KNOWN_BATCH = token(1)
EXTRA = [token(2, index) for index in range(7)]


@pytest.fixture
def show(launch, people):
    """A collection whose first batch the house minted: Anna's ticket, Ben's, and one in escrow."""
    made = launch(eventRef=b"\x61".rjust(32, b"\0"))
    made.mintBatch(1, _first(made, people), sender=people.minter)
    return made


def _first(made, people):
    return entries((people.anna, 1), (people.ben, 2), (made.address, 1))


@pytest.fixture
def sell(show, people, chain):
    """Ben buys a ticket by a quote; return what the house knows of it."""

    def make(number, price=1000):
        given = {
            "id": bytes([number]).rjust(32, b"\0"),
            "buyer": people.ben.address,
            "tier": 1,
            "quantity": 1,
            "currency": ZERO,
            "price": price,
            "fee": 0,
            "deadline": chain.pending_timestamp + 3600,
        }
        signature = signing.quote(people.quote_signer, given, show.address)
        show.buy(tuple(given.values()), signature, NO_PERMIT, sender=people.ben, value=price)
        return {**given, "id": "0x" + given["id"].hex()}

    return make


@pytest.fixture
def leak(show, people):
    """The leaked key mints inside its allowance: a batch to the thief, and one by safeMint."""
    batch = entries(*((people.stranger, 1) for _ in EXTRA))
    show.mintBatch(2, batch, sender=people.minter)
    show.safeMint(people.stranger, b"", sender=people.minter)


@pytest.fixture
def file(show, people, chain, tmp_path_factory):
    """Write the file of known batches, as the house would."""

    def write(quotes=(), collections=None, **changes):
        known = {"number": 1, "contents_hash": "0x" + keccak(_first(show, people)).hex()}
        entry = {"address": show.address, "batches": [known], "quotes": list(quotes)}
        told = {"format": 1, "network": "eip155:31337", "block": chain.blocks.head.number}
        told["collections"] = [entry] if collections is None else collections
        path = tmp_path_factory.mktemp("known") / "known.json"
        path.write_text(json.dumps(told | changes))
        return path

    return write


@pytest.fixture
def drill(console, show, people, file):
    """Run the command on the collection."""

    def run(*more, known=None, **keys):
        keys = {"signer": people.guardian, "operator": people.operator} | keys
        arguments = ("--collection", show.address, "--known", known or file(), *more)
        return console.run("minter_compromise", *arguments, "--yes", **keys)

    return run


def _statuses(show, tokens):
    return [show.ticket(one)[2] for one in tokens]


def test_one_command_ends_it_and_doors_and_refunds_go_on(drill, show, people, sell, leak, file, console):
    quotes = [sell(1)]
    show.setPaused(PAUSE_RESALE, sender=people.guardian)
    done = drill(known=file(quotes))
    assert done.status == 0, done.said
    assert show.paused() == PAUSE_RESALE | PAUSE_MINT
    assert (show.minter(), show.minterAllowance()) == (ZERO, 1200 - 3 - 7 - 1)
    safe_minted, bought = 2**52 + 2**51 + 10, 2**52 + 11
    assert _statuses(show, [*EXTRA, safe_minted]) == [LOCKED] * 8
    assert _statuses(show, [KNOWN_BATCH, KNOWN_BATCH + 1, KNOWN_BATCH + 2, bought]) == [LIVE] * 4
    assert "8 unknown tickets" in done.said and done.said.count(str(people.stranger.address)) == 8

    # The old key mints no more, and while MINT is paused neither does a new one.
    one = entries((people.stranger, 1))
    with ape.reverts(show.NotMinter):
        show.mintBatch(3, one, sender=people.minter)
    console.send("rotate_minter", "--collection", show.address, "--to", people.relayer.address, signer=people.guardian)
    with ape.reverts(show.ScopePaused):
        show.mintBatch(3, one, sender=people.relayer)
    # A stolen ticket goes nowhere.
    with ape.reverts(show.TicketNotLive):
        show.transferFrom(people.stranger, people.cleo, EXTRA[0], sender=people.stranger)
    # Door, refund and sale by quote.
    show.setStatus([KNOWN_BATCH], USED, sender=people.operator)
    show.setStatus([KNOWN_BATCH + 1], VOID, sender=people.operator)
    show.burn(KNOWN_BATCH + 1, sender=people.operator)
    sell(2)
    # And back to work.
    console.send("pause", "mint", "--resume", "--collection", show.address, signer=people.guardian)
    show.mintBatch(3, one, sender=people.relayer)


def test_a_second_run_changes_nothing(drill, leak, file, console):
    known = file()
    assert drill(known=known).status == 0
    before = console.state()
    done = drill(known=known)
    assert (done.status, console.state()) == (0, before)
    assert "already" in done.said and done.said.count(" LOCKED ") == 8


def test_a_dry_run_shows_all_of_it_and_sends_nothing(console, show, people, leak, file):
    asked = ("minter_compromise", "--collection", show.address, "--known", file(), "--new-minter")
    said = console.try_out(*asked, people.relayer.address)
    for word in ("setPaused", "rotateMinter", "setStatus", people.guardian.address, people.operator.address):
        assert str(word) in said
    assert str(EXTRA[6]) in said and str(KNOWN_BATCH) not in said.split()


def test_a_run_killed_in_the_middle_is_finished_by_the_next(drill, show, leak, monkeypatch):
    import scripts._lockdown as lockdown

    real, sent = lockdown.execute, []

    def dies_after_two_chunks(connection, signer, calls, *more):
        if sum(call.function == "setStatus" for call in sent) == 2:
            raise SystemExit(137)
        sent.extend(calls)
        return real(connection, signer, calls, *more)

    monkeypatch.setattr(lockdown, "execute", dies_after_two_chunks)
    assert drill("--chunk", "3").status == 137
    assert _statuses(show, EXTRA) == [LOCKED] * 6 + [LIVE]
    monkeypatch.setattr(lockdown, "execute", real)
    assert drill("--chunk", "3").status == 0
    assert _statuses(show, EXTRA) == [LOCKED] * 7


def test_a_ticket_that_a_door_uses_meanwhile_does_not_stop_the_others(drill, show, people, leak, monkeypatch):
    import scripts._lockdown as lockdown

    real, used = lockdown.execute, []

    def late(connection, signer, calls, *more):
        if calls[0].function == "setStatus" and not used:
            used.append(show.setStatus([EXTRA[1]], USED, sender=people.operator))
        return real(connection, signer, calls, *more)

    monkeypatch.setattr(lockdown, "execute", late)
    assert drill().status == 0
    assert _statuses(show, EXTRA[:3]) == [LOCKED, USED, LOCKED]


def test_used_void_and_burnt_ones_are_listed_only(drill, show, people, leak):
    show.setStatus([EXTRA[0]], USED, sender=people.operator)
    show.setStatus(EXTRA[1:3], VOID, sender=people.operator)
    show.burn(EXTRA[2], sender=people.operator)
    done = drill()
    assert done.status == 0
    assert _statuses(show, EXTRA[:2]) == [USED, VOID] and _statuses(show, EXTRA[3:]) == [LOCKED] * 4
    assert all(f"{one:<18} {word}" in done.said for one, word in zip(EXTRA, ("USED", "VOID", "BURNT"), strict=False))


def test_a_quote_on_other_terms_or_of_nobody_is_unknown(drill, show, sell, file):
    known, cheap, foreign = sell(1), sell(2, price=1), sell(3)
    quotes = [known, {**cheap, "price": 1000}]
    assert drill(known=file(quotes)).status == 0
    assert _statuses(show, [2**52 + 3, 2**52 + 4, 2**52 + 5]) == [LIVE, LOCKED, LOCKED]
    assert foreign["id"] not in str(quotes)


def test_a_known_number_with_other_contents_is_unknown(drill, show, people, file, leak):
    entry = {"number": 2, "contents_hash": "0x" + keccak(entries((people.anna, 1))).hex()}
    known = {"address": show.address, "batches": [entry], "quotes": []}
    assert drill(known=file(collections=[known])).status == 0
    assert _statuses(show, [KNOWN_BATCH, *EXTRA[:2]]) == [LOCKED] * 3, "batch 1 is not in this file either"


def test_what_is_younger_than_the_file_is_left_for_the_next_one(drill, show, people, file):
    known = file()
    show.mintBatch(2, entries((people.stranger, 1)), sender=people.minter)
    done = drill(known=known)
    assert done.status == 1 and "younger than the file" in done.said
    assert show.minter() == ZERO and _statuses(show, [EXTRA[0]]) == [LIVE]
    assert drill(known=file()).status == 0
    assert _statuses(show, [EXTRA[0]]) == [LOCKED]


def test_without_a_file_it_stops_minting_and_judges_nothing(console, show, people, leak):
    said = console.send(
        "minter_compromise",
        "--collection",
        show.address,
        "--new-minter",
        people.relayer.address,
        signer=people.guardian,
    )
    assert "not judged" in said
    assert (show.paused(), show.minter()) == (PAUSE_MINT, people.relayer)
    assert _statuses(show, EXTRA[:1]) == [LIVE]


def test_one_that_cannot_be_stopped_keeps_no_other_from_it(console, show, fresh, people, leak, file):
    fresh.setGuardian(people.anna, sender=people.promoter)
    arguments = ("--collection", fresh.address, "--collection", show.address, "--known", file(), "--yes")
    done = console.run("minter_compromise", *arguments, signer=people.guardian, operator=people.operator)
    assert done.status == 1
    assert f"{fresh.address} NOT STOPPED: setPaused: NotOwnerOrGuardian" in done.said
    assert f"{fresh.address} not judged: the file of known batches does not name it" in done.said
    assert (fresh.paused(), show.paused()) == (0, PAUSE_MINT)
    assert _statuses(show, EXTRA) == [LOCKED] * 7


def test_every_collection_of_the_factory_is_stopped(console, show, fresh, collection, people):
    console.send("minter_compromise", "--all", signer=people.guardian)
    assert {made.paused() for made in (show, fresh, collection)} == {PAUSE_MINT}
    assert {made.minter() for made in (show, fresh, collection)} == {ZERO}


def test_another_operator_locks_nothing_but_minting_is_stopped(drill, show, people, leak):
    done = drill(operator=people.stranger)
    assert done.status == 1 and "NOT LOCKED: setStatus: NotOperator" in done.said
    assert show.minter() == ZERO and _statuses(show, EXTRA) == [LIVE] * 7


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"network": "eip155:56"}, "is of eip155:56, not of eip155:31337"),
        ({"format": 2}, "has format 2"),
        ({"collections": [{"address": "0x12"}]}, "no list of known batches"),
        ({"block": None}, "no list of known batches"),
    ],
)
def test_a_file_of_something_else_is_refused_before_anything_is_sent(drill, console, file, changes, word):
    before = console.state()
    done = drill(known=file(**changes))
    assert done.status == 1 and word in done.said
    assert console.state() == before


def test_it_asks_before_it_stops_and_before_it_locks(console, show, people, leak, file):
    arguments = ("minter_compromise", "--collection", show.address, "--known", file())
    keys = {"signer": people.guardian, "operator": people.operator}
    assert console.run(*arguments, answer="n\n", **keys).status == 1
    assert show.paused() == 0
    assert console.run(*arguments, answer="y\nn\n", **keys).status == 1
    assert show.paused() == PAUSE_MINT and _statuses(show, EXTRA[:1]) == [LIVE]


def test_logs_are_asked_for_in_ranges_that_a_node_accepts(console, show, people, leak, monkeypatch):
    from web3.exceptions import Web3RPCError

    import scripts._logs as logs

    class Narrow:
        """A node that answers at most three blocks at once."""

        asked = []

        @property
        def eth(self):
            return self

        def get_logs(self, wanted):
            self.asked.append(wanted["toBlock"] - wanted["fromBlock"] + 1)
            if self.asked[-1] > 3:
                raise Web3RPCError("too many blocks")
            return [wanted["fromBlock"]]

    monkeypatch.setattr(logs, "node", Narrow)
    found = list(logs.read(show.address, [], 100, 120, at_once=16))
    assert found[0] == 100 and found == sorted(set(found)) and max(Narrow.asked) == 16
    covered = [size for size in Narrow.asked if size <= 3]
    assert sum(covered) == 21

    class Silent(Narrow):
        def get_logs(self, _wanted):
            raise Web3RPCError("no archive here")

    monkeypatch.setattr(logs, "node", Silent)
    with pytest.raises(Exception, match="gives no logs of block 7"):
        list(logs.read(show.address, [], 7, 9))


# ---- which collections


@pytest.fixture
def junk(factory, people, params, project):
    """A stranger has the factory make a collection by himself, with all our keys in it."""

    def make(number):
        given = params(promoter=people.stranger.address, eventRef=bytes([number]).rjust(32, b"\0"))
        made = factory.deploy(tuple(given.values()), 0, b"", sender=people.stranger)
        return project.TicketCollection.at(made.events[0].collection, fetch_from_explorer=False)

    return make


def test_a_strangers_collections_cost_nobody_gas(console, show, people, junk, leak, file):
    foreign = [junk(number) for number in (0xA1, 0xA2)]
    arguments = ("--all", "--key", people.minter.address, "--known", file(), "--yes")
    done = console.run("minter_compromise", *arguments, signer=people.guardian, operator=people.operator)
    assert "2 collections made by strangers name the key: left alone" in done.said
    assert all(made.address in done.said for made in foreign)
    assert [made.paused() for made in foreign] == [0, 0]
    assert [made.minter() for made in foreign] == [people.minter, people.minter]
    assert (show.paused(), show.minter()) == (PAUSE_MINT, ZERO)
    sent = people.guardian.nonce
    console.send("pause", "sale", "--all", signer=people.guardian)
    console.send("rotate_minter", "--all", "--to", people.relayer.address, signer=people.guardian)
    assert [made.paused() for made in foreign] == [0, 0] and people.guardian.nonce > sent


def test_a_promoters_own_collection_is_stopped_when_the_file_names_it_or_somebody_does(console, people, junk, file):
    known, named = junk(0xA3), junk(0xA4)
    entry = {"address": known.address, "batches": [], "quotes": []}
    written = file(collections=[entry])
    console.run("minter_compromise", "--all", "--known", written, "--yes", signer=people.guardian,
                operator=people.operator)  # fmt: skip
    assert (known.minter(), named.minter()) == (ZERO, people.minter)
    console.send("minter_compromise", "--collection", named.address, signer=people.guardian)
    assert (named.paused(), named.minter()) == (PAUSE_MINT, ZERO)


def test_another_minter_is_not_stopped_when_the_leaked_key_is_named(console, show, fresh, people):
    fresh.rotateMinter(people.relayer, sender=people.guardian)
    console.send("minter_compromise", "--all", "--key", people.minter.address, signer=people.guardian)
    assert (fresh.paused(), fresh.minter()) == (0, people.relayer)
    assert (show.paused(), show.minter()) == (PAUSE_MINT, ZERO)
    said = console.send("minter_compromise", "--collection", fresh.address, "--key", people.minter.address,
                        signer=people.guardian)  # fmt: skip
    assert "the leaked key is not its minter" in said and fresh.paused() == 0
    # What the run left without a minter gets the new one, with the same words.
    console.send("minter_compromise", "--all", "--key", people.minter.address, "--new-minter", people.cleo.address,
                 signer=people.guardian)  # fmt: skip
    assert (show.minter(), fresh.minter()) == (people.cleo, people.relayer)


def test_what_a_promoter_took_from_another_key_is_not_given_back(console, show, fresh, people):
    fresh.rotateMinter(people.relayer, sender=people.guardian)
    fresh.rotateMinter(ZERO, sender=people.promoter)
    named = ("--key", people.minter.address, "--new-minter", people.cleo.address)
    console.send("minter_compromise", "--all", *named, signer=people.guardian)
    assert (show.minter(), fresh.minter(), fresh.paused()) == (people.cleo, ZERO, 0)


def test_a_collection_is_ours_for_good_whoever_deploys_today(console, show, fresh, factory, people):
    factory.setDeployer(people.relayer, True, sender=people.admin)
    factory.setDeployer(people.deployer, False, sender=people.admin)
    console.send("pause", "sale", "--all", signer=people.guardian)
    assert (show.paused(), fresh.paused()) == (PAUSE_SALE, PAUSE_SALE)


def test_what_the_node_knows_no_maker_of_is_taken_for_ours(console, show, people, junk, monkeypatch):
    import scripts._collections as collections

    foreign = junk(0xA5)
    monkeypatch.setattr(collections, "_maker", lambda _one: None)
    said = console.send("pause", "sale", "--all", signer=people.guardian)
    assert "does not know who made" in said and (show.paused(), foreign.paused()) == (PAUSE_SALE, PAUSE_SALE)


@pytest.mark.parametrize("command", [("pause", "sale"), ("rotate_minter", "--to", "zero")])
def test_a_promoter_with_a_guardian_of_its_own_stops_no_command_for_the_others(console, show, fresh, people, command):
    show.setGuardian(people.stranger, sender=people.promoter)  # the newest: it is tried first
    done = console.run(*command, "--all", "--yes", signer=people.guardian)
    assert done.status == 1 and f"{show.address} NOT CHANGED" in done.said
    assert (show.paused(), show.minter()) == (0, people.minter)
    assert (fresh.paused(), fresh.minter()) in {(PAUSE_SALE, people.minter.address), (0, ZERO)}


def test_all_are_paused_the_newest_first_before_one_is_waited_for(console, show, fresh, people, monkeypatch):
    import scripts._together as together

    said, send, wait = [], together._send, together._await

    def sends(one, nonce):
        said.append(("send", one.call.function, one.call.contract.address))
        return send(one, nonce)

    def waits(one, sent_hash, give_up):
        said.append(("wait", one.call.function, one.call.contract.address))
        return wait(one, sent_hash, give_up)

    monkeypatch.setattr(together, "_send", sends)
    monkeypatch.setattr(together, "_await", waits)
    console.send("minter_compromise", "--all", signer=people.guardian)
    steps = [(what, function) for what, function, _ in said]
    count = len(steps) // 4
    order = [("send", "setPaused"), ("wait", "setPaused"), ("send", "rotateMinter"), ("wait", "rotateMinter")]
    assert steps == [step for step in order for _ in range(count)] and count > 1
    addresses = [address for _, _, address in said[:count]]
    assert addresses.index(show.address) < addresses.index(fresh.address), "show is the newer one"


def test_one_that_reverts_on_the_way_keeps_no_other_from_being_stopped(console, show, fresh, people, monkeypatch):
    import scripts._together as together

    send, late = together._send, []

    def too_late(one, nonce):
        if not late:
            late.append(one.call.contract.address)
            fresh_or_show = show if one.call.contract.address == show.address else fresh
            fresh_or_show.setGuardian(people.anna, sender=people.promoter)
        return send(one, nonce)

    monkeypatch.setattr(together, "_send", too_late)
    arguments = ("--collection", show.address, "--collection", fresh.address, "--yes")
    done = console.run("minter_compromise", *arguments, signer=people.guardian)
    assert done.status == 1 and f"{show.address} NOT STOPPED: setPaused: NotOwnerOrGuardian" in done.said
    assert (show.paused(), show.minter()) == (0, people.minter)
    assert (fresh.paused(), fresh.minter()) == (PAUSE_MINT, ZERO)
