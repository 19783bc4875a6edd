"""Wallets of code sell too: their word is asked for when they list, when somebody buys, and at the sale (ERC-1271)."""

import pytest

from backend.chain import abi
from backend.chain.port import CallReverted
from backend.resale import taking, tasks
from backend.resale.models import MarketOrder
from backend.tickets import service
from tests.accounts import wallets as codes
from tests.factories.accounts import make_key, sign_typed_data, signed_in
from tests.factories.tickets import tickets_of
from tests.resale.conftest import PRICE, Fan, mint
from tests.resale.wallets import WalletOf, deploy, rotate


def ticket_of(stage, wallet: Fan):
    return tickets_of(stage.session, mint(stage, wallet.wallet, 1).id)[0]


@pytest.fixture(params=["SmartWallet", "RotatingWallet"])
def wallet(stage, request) -> Fan:
    return deploy(stage, request.param, make_key())


@pytest.fixture
def rotating(stage) -> Fan:
    return deploy(stage, "RotatingWallet", make_key())


def on_chain(stage, listing):
    """What the market says of the sale, past this house."""
    taken = taking.of(stage.session.get(MarketOrder, listing["id"]))
    said = [taken.message, taken.signature, list(taken.proof), PRICE, taken.permit]
    stage.market.call("BKS", stage.market.bks, "approve", [stage.market.market, PRICE], stage.buyer.wallet)
    with pytest.raises(CallReverted) as reverted:
        stage.market.port.call(
            stage.market.market, abi.encode_call("ResaleMarket", "buy", said), sender=stage.buyer.wallet
        )
    return abi.decode_revert(None, reverted.value.data)[0]


def test_a_wallet_of_code_lists_and_is_paid(stage, wallet):
    ticket = ticket_of(stage, wallet)
    listing = stage.list(wallet, ticket)
    assert listing["signer"].lower() == "0x" + wallet.wallet.hex()
    stage.buy(stage.buyer, listing)
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)
    assert stage.market.bks_of(wallet.wallet) == int(listing["proceeds"])
    assert service.holding_of(stage.session, ticket.id).owner == stage.buyer.wallet


def test_a_signature_its_wallet_does_not_confirm_lists_nothing(stage, wallet):
    ticket = ticket_of(stage, wallet)
    words = stage.post(wallet, "/v1/listings", ticket_id=str(ticket.id), price=str(PRICE)).json()
    forged = {"signature": "0x" + sign_typed_data(make_key(), words["typed_data"]).hex()}
    answer = stage.client.put(f"/v1/listings/{words['order']['id']}/signature", headers=wallet.headers, json=forged)
    error = answer.json()["error"]
    assert (error["code"], error["details"]["reason"]) == ("bad_signature", "refused_by_wallet")


def test_keys_that_were_rotated_make_the_listing_invalid(stage, rotating):
    listing = stage.list(rotating, ticket_of(stage, rotating))
    before = rotating.key
    rotate(stage, rotating)
    tasks.sweep_rules()
    assert stage.listing(listing) == ("INVALID", "signature_refused")
    assert on_chain(stage, listing) == "BadSignature"
    # The old key back: the signature counts again.
    rotate(stage, rotating, before)
    tasks.sweep_rules()
    assert stage.listing(listing) == ("LISTED", None)


def test_a_buyer_is_told_before_signing_even_if_nobody_has_looked_since(stage, rotating):
    listing = stage.list(rotating, ticket_of(stage, rotating))
    rotate(stage, rotating)
    assert stage.listing(listing) == ("LISTED", None)
    answer = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(PRICE))
    assert answer.status_code == 409
    assert answer.json()["error"]["details"] == {"status": "INVALID", "reason": "signature_refused"}
    assert stage.listing(listing) == ("INVALID", "signature_refused")


def test_the_wallets_new_key_lists_anew(stage, rotating):
    ticket = ticket_of(stage, rotating)
    old = stage.list(rotating, ticket)
    renewed = WalletOf(rotate(stage, rotating), rotating.headers, rotating.wallet)
    tasks.sweep_rules()
    listing = stage.list(renewed, ticket)
    stage.buy(stage.buyer, listing)
    stage.finish()
    assert [stage.listing(one)[0] for one in (old, listing)] == ["CANCELLED", "SETTLED"]


def test_a_wallet_that_is_not_deployed_yet_is_told_to_be(stage):
    key, factory = make_key(), b"\xfa" * 20
    stage.market.ask("anvil_setCode", "0x" + factory.hex(), "0x" + codes.FACTORY_CODE.hex())
    creation = codes.creation_code(codes.wallet_code(bytes.fromhex(key.address[2:])))
    address = codes.address_from(factory, creation)
    wallet = WalletOf(key, signed_in(stage.session, address, stage.market.now()), address)
    # To the collection it is a plain wallet: an address without code.
    ticket = ticket_of(stage, wallet)
    words = stage.post(wallet, "/v1/listings", ticket_id=str(ticket.id), price=str(PRICE)).json()
    url = f"/v1/listings/{words['order']['id']}/signature"
    wrapped = codes.wrap(factory, creation, sign_typed_data(key, words["typed_data"]))
    body = {"signature": "0x" + wrapped.hex()}
    refused = stage.client.put(url, headers=wallet.headers, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "wallet_undeployed")
    # Deployed, the very same signature is good, and what is kept is what the market takes: without its wrapper.
    stage.market.transact(stage.market.admin, factory, creation)
    listed = stage.client.put(url, headers=wallet.headers, json=body)
    assert listed.status_code == 200, listed.json()
    assert len(listed.json()["signature"]) == 2 + 2 * 65
    stage.buy(stage.buyer, listed.json())
    stage.finish()
    assert stage.listing(listed.json()) == ("SETTLED", None)
