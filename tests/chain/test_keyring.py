"""Several keys of a role: found by address, and one that is away holds up no other."""

import pytest

from backend.chain.evm.signers import open_signer
from backend.chain.fake import FakeSigner
from backend.chain.keyring import Keyring
from backend.chain.port import Signer, SignerMissing
from backend.kit.errors import Unavailable
from backend.settings import KeyPlace, Settings
from tests.chain.test_evm import KEY

FIRST, SECOND = FakeSigner("first"), FakeSigner("second")


class Away(Unavailable):
    """A key service that does not answer."""

    code = "away"


def of(*keys: Signer | Exception) -> Keyring:
    def opener(key: Signer | Exception):
        def opened() -> Signer:
            if isinstance(key, Exception):
                raise key
            return key

        return opened

    return Keyring("minter", [opener(key) for key in keys])


def test_a_key_is_found_by_its_address_and_the_first_signs_what_names_none():
    keys = of(FIRST, SECOND)
    assert keys.first() is FIRST
    assert keys.find(SECOND.address) is SECOND
    with pytest.raises(SignerMissing):
        keys.find(b"\1" * 20)


def test_a_key_that_is_away_holds_up_no_other_and_is_not_called_missing():
    keys = of(Away(), SECOND)
    assert keys.find(SECOND.address) is SECOND
    with pytest.raises(Away):
        keys.find(FIRST.address)
    assert keys.all() == [SECOND]


def test_a_keystore_that_cannot_be_read_is_a_key_we_do_not_have():
    keys = of(SignerMissing(), SECOND)
    assert keys.find(SECOND.address) is SECOND
    with pytest.raises(SignerMissing):
        keys.find(FIRST.address)


def test_no_keys_at_all_are_missing():
    with pytest.raises(SignerMissing):
        of().first()
    assert of().all() == []


def test_one_key_named_twice_is_one_key():
    assert of(FIRST, FIRST).all() == [FIRST]


def test_the_settings_name_further_minters_of_any_kind():
    settings = Settings(
        minter_key=KEY, more_minter_keystores="/k/2.json, /k/3.json", more_minter_kms_keys="alias/4,", kms_region="x"
    )
    kinds = [(place.kind, place.value) for place in settings.key_places("minter")]
    assert kinds == [("key", KEY), ("kms_key", "alias/4"), ("keystore", "/k/2.json"), ("keystore", "/k/3.json")]
    assert KEY not in repr(settings.key_places("minter"))
    assert settings.key_places("claim") == []
    assert open_signer("minter", settings, KeyPlace("key", KEY)).address == open_signer("minter", settings).address


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"more_minter_keys": KEY}, "MORE_MINTER_... adds keys to the first one"),
        ({"minter_key": KEY, "more_minter_kms_keys": "alias/2"}, "KMS_REGION must name"),
        ({"environment": "production", "minter_key": KEY, "more_minter_keys": KEY}, "MORE_MINTER_KEYS are raw keys"),
    ],
)
def test_a_pool_that_cannot_work_refuses_to_start(values, words):
    empty = dict.fromkeys(("minter_key", "minter_keystore", "minter_kms_key", "kms_region"))
    with pytest.raises(ValueError, match=words):
        Settings(**(empty | values))
