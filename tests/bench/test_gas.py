"""The gas bench's own sums, and that it refuses to measure what went wrong."""

import json
from dataclasses import dataclass, replace
from itertools import chain

import pytest

from bench.gas_kit import build, comparison, economics, operations, plot, reads, table
from bench.gas_kit.economics import ALWAYS, Difference
from bench.gas_kit.node import TRANSFER, Receipt, Signer, Wrong, node, wallet, wallets
from bench.gas_kit.ours import NATIVE, PROMOTER, house
from scripts.machine import layout
from scripts.machine.trouble import Trouble

OPERATIONS = [name for name, _ in table.ROWS]
TITLES = ["Backstage", "Solady", "OpenZeppelin", "ERC721A", "Unlock", "Seaport 1.6"]


@pytest.mark.parametrize(
    ("saved", "first", "later", "moves"),
    [
        (40_000, 20_000, 10_000, 3.0),  # 20,000 are left after the first move
        (40_000, 80_000, 10_000, 0.5),  # every second ticket
        (40_000, 40_000, 10_000, 1.0),
        (0, 20_000, 10_000, 0.0),
        (-500, 20_000, 10_000, 0.0),  # dearer from the beginning
        (40_000, 20_000, 0, ALWAYS),
        (40_000, 20_000, -10, ALWAYS),
        (40_000, -10_000, 10_000, 6.0),  # a cheaper first move pays for later ones
        (40_000, 20_000, 0.001, ALWAYS),
    ],
)
def test_how_many_moves_a_saving_pays_for(saved, first, later, moves):
    assert economics.moves(saved, first, later) == pytest.approx(moves)


def test_the_receiver_that_is_worse_for_ours_counts():
    peer = dict.fromkeys(OPERATIONS, 50_000.0)
    ours = peer | {"batch_200": 7_000, "first_transfer_new": 70_000, "first_transfer_existing": 75_000}
    ours |= {"transfer_new": 52_000, "transfer_existing": 51_000, "door_first": 60_000, "door": 51_000}
    assert Difference.between(ours, peer, 200) == Difference(-43_000, 25_000, 2_000, 10_000, 1_000)


def test_at_the_door_a_ticket_that_moved_pays_for_its_slot_once():
    more = Difference(mint=-43_000, first_move=25_000, later_move=2_000, door=10_000, door_moved=1_000)
    # Unmoved: 43,000 - 10,000 are left. A first move costs 25,000, and the door 9,000 less after it.
    assert more.moves_with_the_door() == pytest.approx(1 + (33_000 - 16_000) / 2_000)
    assert replace(more, door=50_000).moves_with_the_door() == 0


def gas(**ours):
    whole = {title: dict.fromkeys(OPERATIONS, 1_000.0) for title in TITLES}
    whole["Backstage"] |= ours
    return whole


GOALS = {
    "batch_mint_per_ticket": ("batch_200", 7_500, 7_501),
    "mint_one_new_ratio": ("buy", 1_120, 1_121),
    "first_transfer_new_ratio": ("first_transfer_new", 1_450, 1_451),
    "first_transfer_existing_ratio": ("first_transfer_existing", 1_600, 1_601),
    "transfer_new_ratio": ("transfer_new", 1_140, 1_141),
    "transfer_existing_ratio": ("transfer_existing", 1_200, 1_201),
    "resale_erc20_ratio": ("resale_erc20", 850, 851),
    "resale_native_ratio": ("resale_native", 850, 851),
    "deploy_ratio": ("deploy", 250, 251),
}


def test_these_figures_have_goals_and_no_others():
    assert {figure.name for figure in comparison.figures(gas()) if figure.goal is not None} == set(GOALS)


@pytest.mark.parametrize("name", GOALS)
def test_a_goal_is_met_up_to_its_number_and_missed_beyond(name):
    operation, met, missed = GOALS[name]

    def is_met(value):
        [figure] = [one for one in comparison.figures(gas(**{operation: value})) if one.name == name]
        return figure.met

    assert (is_met(met), is_met(missed)) == (True, False)


def test_every_figure_can_be_written_as_json():
    for figure in comparison.figures(gas(batch_200=1, transfer_new=1, transfer_existing=1)):
        json.dumps(figure.value, allow_nan=False)


def test_the_table_marks_what_no_transaction_may_need():
    cells = {title: {"batch_500": 33_554.0, "batch_200": 33_555.0} for title in ("A", "B")}
    rows = {row.split(",")[0].strip(): row for row in table.lines(cells)}
    assert "*" not in rows["batch of 200"]
    assert "*" not in rows["batch of 500"]
    dear = table.lines({"A": {"batch_500": 33_555.0}})
    assert any("33,555*" in row for row in dear)
    assert any(row.rstrip().endswith("-") for row in dear)


def test_the_picture_adds_up_what_a_ticket_costs():
    costs = plot.after_moves({"batch_200": 7, "first_transfer_new": 10, "transfer_new": 1})
    assert costs == [7, 17, 18, 19, 20]
    assert plot.svg(gas()).startswith("<svg ")


def test_the_waves_and_the_run_hold_the_same_tickets():
    holders = wallets("anybody", 200)
    run, waves = reads._run(holders), reads._waves(holders, 4)
    assert [len(drop) for drop in run] == [len(drop) for drop in waves] == [50] * 4
    assert sorted(chain(*waves)) == list(chain(*run)) == holders
    assert all(drop == sorted(drop) for drop in waves)


@dataclass
class _Contract:
    """Answers as a contract that minted for these owners."""

    owners: list[bytes]
    balances: list[int]
    address: bytes = b"c" * 20

    def ask_all(self, function, _arguments):
        return self.owners if function == "ownerOf" else self.balances


@dataclass
class _Tickets:
    contract: _Contract


ALICE, BOB = wallet("alice"), wallet("bob")


def _receipt(owners, address=b"c" * 20):
    def topics(owner, token):
        return [TRANSFER, bytes(32), owner.rjust(32, b"\0"), token.to_bytes(32, "big")]

    return Receipt(1, 1, None, [(address, topics(owner, token), b"") for token, owner in enumerate(owners)])


def _check(logged=(ALICE, BOB), owners=(ALICE, BOB), balances=(1, 1), **more):
    tickets = _Tickets(_Contract(list(owners), list(balances)))
    operations.check_batch(tickets, _receipt(logged, **more), [ALICE, BOB], [0, 1])


def test_a_batch_is_measured_only_when_it_is_right():
    _check()


@pytest.mark.parametrize(
    "lie",
    [
        {"logged": (ALICE,)},
        {"logged": (BOB, ALICE)},
        {"owners": (ALICE, ALICE)},
        {"balances": (1, 2)},
        {"address": b"d" * 20},
    ],
)
def test_a_batch_that_went_elsewhere_is_refused(lie):
    with pytest.raises(Wrong):
        _check(**lie)


def test_what_reverts_is_never_a_measurement_and_undone_means_undone():
    with node() as running:
        ours = house(running)
        collection = ours.collection()
        with running.undone():
            _, token = collection.mint(ALICE)
            assert collection.contract.ask("ownerOf", token) == ALICE
            with pytest.raises(Wrong, match="reverted"):
                collection.transfer(BOB, PROMOTER, token)
        with pytest.raises(Trouble):
            collection.contract.ask("ownerOf", token)
        assert collection.contract.ask("nextBatch") == 1
        assert ours.market.ask("feeReceiver") != NATIVE


def test_a_signature_is_its_signers():
    one, other = Signer.named("one"), Signer.named("other")
    assert one.address != other.address
    assert Signer.named("one") == one


def test_the_lock_file_names_no_place_and_every_package_has_a_hash():
    told = json.loads((layout.ROOT / "bench" / "gas_kit" / "package-lock.json").read_text())
    packages = {name: one for name, one in told["packages"].items() if name}
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())
    assert build.step().inputs[1].name == "package-lock.json"
