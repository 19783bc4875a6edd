import pytest

from scripts.demo.http import Api, Refused
from scripts.demo.people import Fan
from scripts.demo.wallet import Wallet


def test_a_signed_message_opens_one_session_and_no_second(house, story):
    api, wallet = Api(house.world.api), Wallet()
    given = api.post("/v1/auth/siwe/nonce", {"address": wallet.address})
    signed = {"message": given["message"], "signature": wallet.sign_text(given["message"])}
    assert api.post("/v1/auth/siwe/verify", signed)["token"]
    with pytest.raises(Refused) as refused:
        api.post("/v1/auth/siwe/verify", signed)
    assert refused.value.status == 401


def test_somebody_elses_signature_opens_nothing(house):
    api, wallet, thief = Api(house.world.api), Wallet(), Wallet()
    given = api.post("/v1/auth/siwe/nonce", {"address": wallet.address})
    with pytest.raises(Refused) as refused:
        api.post("/v1/auth/siwe/verify", {"message": given["message"], "signature": thief.sign_text(given["message"])})
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("Chain ID: 31337", "Chain ID: 1"), ("Nonce: ", "Nonce: x"), ("wants you to sign in", "asks you to sign in")],
)
def test_a_message_the_server_did_not_write_is_refused(house, was, becomes):
    api, wallet = Api(house.world.api), Wallet()
    message = api.post("/v1/auth/siwe/nonce", {"address": wallet.address})["message"]
    assert was in message
    changed = message.replace(was, becomes)
    with pytest.raises(Refused) as refused:
        api.post("/v1/auth/siwe/verify", {"message": changed, "signature": wallet.sign_text(changed)})
    assert refused.value.status in {400, 401, 422}


def test_signing_out_works_at_once(house, story):
    fan = Fan(house.world.api, story.node)
    fan.sign_in()
    fan.api.post("/v1/auth/logout")
    with pytest.raises(Refused) as refused:
        fan.api.get("/v1/me")
    assert refused.value.code == "unauthenticated"


def test_a_fan_is_no_admin_and_no_promoter(house, story):
    fan = Fan(house.world.api, story.node)
    assert fan.sign_in()["roles"] == ["FAN"]
    for attempt in (
        lambda: fan.api.post("/v1/admin/promoters", {"address": fan.address, "organisation_name": "Mine"}),
        lambda: fan.api.get("/v1/admin/mint-jobs"),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.status == 403
