import pytest

from scripts.demo.http import Refused
from scripts.demo.people import Promoter


def test_the_collection_belongs_to_the_promoter_and_the_platform_only_mints(evening):
    node, collection = evening.story.node, evening.show.collection
    assert node.read(collection, "owner()", returns="address") == evening.promoter.address
    assert node.read(collection, "minter()", returns="address") == evening.story.world.platform["minter"]
    assert node.read(collection, "minterAllowance()", returns="uint64") > 0


def test_an_event_without_a_live_collection_is_not_put_on_sale(evening):
    show = evening.promoter.plan(evening.organisation, "Too Early")
    with pytest.raises(Refused) as refused:
        evening.promoter.publish(show)
    assert refused.value.status == 409


def test_another_wallets_signature_deploys_nothing(evening):
    show = evening.promoter.plan(evening.organisation, "Not Yours To Sign")
    asked = evening.promoter.api.get(f"/v1/events/{show.event_id}/collection/consent")
    forged = evening.fan().wallet.sign_typed(asked["typed_data"])
    body = {"signature": forged, "deadline": asked["typed_data"]["message"]["deadline"]}
    with pytest.raises(Refused) as refused:
        evening.promoter.api.post(f"/v1/events/{show.event_id}/collection", body)
    assert refused.value.status in {401, 403, 422}
    assert not evening.story.node.has_code(asked["predicted_address"])


def test_another_promoter_touches_nothing_of_this_event(evening):
    rival = Promoter(evening.story.world.api, evening.story.node)
    evening.admin.onboard(rival.address, "The Rivals")
    rival.sign_in()
    for attempt in (
        lambda: rival.publish(evening.show),
        lambda: rival.api.get(f"/v1/events/{evening.show.event_id}/collection/consent"),
        lambda: rival.appoint(evening.show, rival.address),
        lambda: rival.api.get(f"/v1/organisations/{evening.organisation}/ledger"),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.status in {403, 404}
