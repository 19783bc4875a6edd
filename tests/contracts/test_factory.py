"""The factory: a collection exists only with its promoter's consent, at an address nobody else can take."""

import ape
import pytest
import signing
from eth_abi import encode
from eth_utils import keccak
from world import EVENT, TIERS, ZERO, events, names, rules

PARAMS = (
    "(address,bytes32,uint32,string,string,string,uint64,address,uint96,address,uint64,address,uint32,address,address,"
    "uint32,address,uint32,address,address,address,address,"
    "(bool,uint16,uint8,uint32,uint64,uint32,uint32),(uint16,uint96,uint64,uint64)[])"
)


@pytest.fixture
def deploy(factory, people, params, chain):
    """Deploy with consent; a test bends one thing."""

    def send(given=None, deadline=None, consent=None, sender=people.deployer):
        given = given or params()
        deadline = deadline or chain.pending_timestamp + 3600
        if consent is None:
            consent = signing.consent(people.promoter, given, deadline, factory.address)
        return factory.deploy(tuple(given.values()), deadline, consent, sender=sender)

    return send


def test_a_deployment_sets_the_collection_up_in_one_transaction(factory, people, params, project, deploy):
    given = params()
    receipt = deploy(given)
    collection = project.TicketCollection.at(factory.predict(people.promoter, EVENT, 1), fetch_from_explorer=False)
    params_hash = keccak(encode([PARAMS], [tuple(given.values())]))

    assert events(receipt, "CollectionDeployed") == [
        {
            "collection": collection.address,
            "promoter": people.promoter,
            "eventRef": EVENT,
            "version": 1,
            "paramsHash": params_hash,
        }
    ]
    assert names(receipt) == [
        "CollectionDeployed",
        "OwnershipTransferred",
        "Initialized",
        "RoyaltyChanged",
        "MinterChanged",
        "MintsPerDayChanged",
        "ClaimSignerChanged",
        "QuoteSignerChanged",
        "OperatorChanged",
        "GuardianChanged",
        "MarketFixed",
        "TreasuryChanged",
        "FeeReceiverChanged",
        "RulesChanged",
        "TierPublished",
        "TierPublished",
    ]
    assert events(receipt, "Initialized") == [{"paramsHash": params_hash}]
    assert events(receipt, "MarketFixed") == [{"market": given["market"], "currency": given["resaleCurrency"]}]
    assert factory.isCollection(collection)
    assert {
        "promoter": collection.owner(),
        "eventRef": EVENT,
        "version": 1,
        "name": collection.name(),
        "symbol": collection.symbol(),
        "baseURI": collection.contractURI().removesuffix("collection.json"),
        "maxSupply": collection.maxSupply(),
        "royaltyReceiver": collection.royaltyInfo(0, 10_000)[0],
        "royaltyBps": collection.royaltyInfo(0, 10_000)[1],
        "minter": collection.minter(),
        "minterAllowance": collection.minterAllowance(),
        "claimSigner": collection.claimSigner(),
        "claimsPerDay": collection.claimsPerDay(),
        "operator": collection.operator(),
        "guardian": collection.guardian(),
        "mintsPerDay": collection.mintsPerDay(),
        "quoteSigner": collection.quoteSigner(),
        "quotesPerDay": collection.quotesPerDay(),
        "market": collection.market(),
        "resaleCurrency": collection.resaleCurrency(),
        "treasury": collection.treasury(),
        "feeReceiver": collection.feeReceiver(),
        "rules": tuple(collection.rules()),
        "tiers": [tuple(collection.tierTerms(tier)) for tier in (1, 2)],
    } == given
    assert (collection.paused(), collection.nextBatch(), collection.totalMinted()) == (0, 1, 0)


def test_the_address_is_known_beforehand(factory, people, deploy):
    address = factory.predict(people.promoter, EVENT, 1)
    salt = keccak(encode(["address", "bytes32", "uint32"], [people.promoter.address, EVENT, 1]))
    code = bytes.fromhex(
        "602c3d8160093d39f33d3d3d3d363d3d37363d73" + factory.implementation(1)[2:] + "5af43d3d93803e602a57fd5bf3"
    )
    assert keccak(b"\xff" + bytes.fromhex(factory.address[2:]) + salt + keccak(code))[12:].hex() == address[2:].lower()
    assert not factory.isCollection(address)
    assert deploy().events.filter(factory.CollectionDeployed)[0].collection == address


def test_promoter_event_and_version_each_make_another_address(factory, people, project):
    factory.addVersion(people.admin.deploy(project.TicketCollection), sender=people.admin)
    told = {
        factory.predict(people.promoter, EVENT, 1),
        factory.predict(people.anna, EVENT, 1),
        factory.predict(people.promoter, b"\1" * 32, 1),
        factory.predict(people.promoter, EVENT, 2),
    }
    assert len(told) == 4


def test_a_promoter_deploys_without_a_consent(factory, people, deploy):
    deploy(consent=b"", deadline=1, sender=people.promoter)
    assert factory.isCollection(factory.predict(people.promoter, EVENT, 1))


def test_an_event_has_one_collection(factory, people, params, deploy):
    deploy()
    existing = factory.predict(people.promoter, EVENT, 1)
    for sender in (people.deployer, people.promoter):
        with ape.reverts(factory.AlreadyDeployed, collection=existing):
            deploy(params(name="Another"), sender=sender)


def test_a_stranger_cannot_take_the_address_even_with_the_consent(factory, people, params, deploy):
    # What a front-runner sees in the pool.
    with ape.reverts(factory.NotDeployer):
        deploy(sender=people.stranger)
    # In its own name it only gets another address.
    deploy(params(promoter=people.stranger.address), consent=b"", sender=people.stranger)
    assert not factory.isCollection(factory.predict(people.promoter, EVENT, 1))
    deploy()


def test_a_deployer_does_nothing_without_consent(factory, deploy):
    with ape.reverts(factory.BadConsent):
        deploy(consent=b"")


def test_a_former_deployer_is_refused(factory, people, deploy):
    receipt = factory.setDeployer(people.deployer, False, sender=people.admin)
    assert events(receipt, "DeployerChanged") == [{"deployer": people.deployer, "allowed": False}]
    with ape.reverts(factory.NotDeployer):
        deploy()


def test_a_consent_is_the_promoters(factory, people, params, deploy, chain):
    deadline = chain.pending_timestamp + 3600
    for other in (people.deployer, people.admin, people.anna):
        with ape.reverts(factory.BadConsent):
            deploy(deadline=deadline, consent=signing.consent(other, params(), deadline, factory.address))


OTHER = {
    "promoter": "0x" + "11" * 20,
    "eventRef": b"\1" * 32,
    "name": "Other",
    "symbol": "OTH",
    "baseURI": "ipfs://other/",
    "maxSupply": 1501,
    "royaltyReceiver": "0x" + "11" * 20,
    "royaltyBps": 501,
    "minter": "0x" + "11" * 20,
    "minterAllowance": 1201,
    "claimSigner": "0x" + "11" * 20,
    "claimsPerDay": 4,
    "operator": "0x" + "11" * 20,
    "guardian": "0x" + "11" * 20,
    "mintsPerDay": 1,
    "quoteSigner": "0x" + "11" * 20,
    "quotesPerDay": 1,
    "market": "0x" + "11" * 20,
    "resaleCurrency": "0x" + "11" * 20,
    "treasury": "0x" + "11" * 20,
    "feeReceiver": "0x" + "11" * 20,
    "tiers": [*TIERS, (3, 1, 1, 1)],
}
OTHER_RULES = {
    "resale": False,
    "capBps": 1,
    "giftLimit": 1,
    "giftCoolOff": 1,
    "freezeAt": 1,
    "resaleHold": 1,
    "maxPerWallet": 1,
}
OTHER_TERMS = [(9, 10**18, 100, 100), (1, 1, 100, 100), (1, 10**18, 1, 100), (1, 10**18, 100, 101)]


@pytest.mark.parametrize("field", OTHER)
def test_a_consent_covers_every_parameter(factory, people, params, deploy, chain, field):
    deadline = chain.pending_timestamp + 3600
    signed = signing.consent(people.promoter, params(), deadline, factory.address)
    with ape.reverts(factory.BadConsent):
        deploy(params(**{field: OTHER[field]}), deadline=deadline, consent=signed)


@pytest.mark.parametrize("rule", OTHER_RULES)
def test_a_consent_covers_every_rule(factory, people, params, deploy, chain, rule):
    deadline = chain.pending_timestamp + 3600
    signed = signing.consent(people.promoter, params(), deadline, factory.address)
    with ape.reverts(factory.BadConsent):
        deploy(params(rules=rules(**{rule: OTHER_RULES[rule]})), deadline=deadline, consent=signed)


@pytest.mark.parametrize("terms", OTHER_TERMS)
def test_a_consent_covers_every_term_of_a_tier(factory, people, params, deploy, chain, terms):
    deadline = chain.pending_timestamp + 3600
    signed = signing.consent(people.promoter, params(), deadline, factory.address)
    with ape.reverts(factory.BadConsent):
        deploy(params(tiers=[terms, TIERS[1]]), deadline=deadline, consent=signed)


def test_a_consent_covers_the_version(factory, people, params, project, deploy, chain):
    factory.addVersion(people.admin.deploy(project.TicketCollection), sender=people.admin)
    deadline = chain.pending_timestamp + 3600
    signed = signing.consent(people.promoter, params(), deadline, factory.address)
    with ape.reverts(factory.BadConsent):
        deploy(params(version=2), deadline=deadline, consent=signed)


def test_a_consent_covers_its_deadline_and_ends_with_it(factory, people, params, deploy, chain):
    deadline = chain.pending_timestamp + 100
    signed = signing.consent(people.promoter, params(), deadline, factory.address)
    with ape.reverts(factory.BadConsent):
        deploy(deadline=deadline + 1, consent=signed)
    chain.pending_timestamp = deadline + 1
    with ape.reverts(factory.ConsentExpired):
        deploy(deadline=deadline, consent=signed)


def test_a_consent_passes_at_its_very_deadline(deploy, chain):
    deadline = chain.pending_timestamp + 100
    chain.pending_timestamp = deadline
    deploy(deadline=deadline)


def test_a_consent_for_another_chain_or_factory_is_refused(factory, people, params, deploy, chain):
    deadline = chain.pending_timestamp + 3600
    for elsewhere in ({"chain_id": 56}, {"contract": people.stranger.address}):
        domain = {"contract": factory.address} | elsewhere
        with ape.reverts(factory.BadConsent):
            deploy(deadline=deadline, consent=signing.consent(people.promoter, params(), deadline, **domain))


def test_a_bent_consent_is_refused(factory, people, params, deploy, chain):
    deadline = chain.pending_timestamp + 3600
    good = signing.consent(people.promoter, params(), deadline, factory.address)
    for how, bent in signing.spoiled(good).items():
        with ape.reverts(factory.BadConsent):
            deploy(deadline=deadline, consent=bent)
            pytest.fail(f"accepted: {how}")


def test_a_contract_wallet_consents_by_erc1271(factory, people, params, project, deploy, chain):
    wallet = people.stranger.deploy(project.SmartWallet, people.promoter)
    given = params(promoter=wallet.address)
    deadline = chain.pending_timestamp + 3600
    with ape.reverts(factory.BadConsent):
        deploy(given, deadline, signing.consent(people.anna, given, deadline, factory.address))
    deploy(given, deadline, signing.consent(people.promoter, given, deadline, factory.address))
    assert factory.isCollection(factory.predict(wallet, EVENT, 1))


def test_nobody_consents_for_the_zero_address(factory, params, deploy):
    with ape.reverts(factory.BadConsent):
        deploy(params(promoter=ZERO), consent=bytes(64) + b"\x1b")


def test_an_unknown_version_is_refused(factory, people, params, deploy):
    for version in (0, 2):
        with ape.reverts(factory.UnknownVersion, version=version):
            deploy(params(version=version))
        with ape.reverts(factory.UnknownVersion):
            factory.predict(people.promoter, EVENT, version)


def test_bad_parameters_are_refused_even_with_consent(factory, params, deploy):
    with pytest.raises(ape.exceptions.ContractLogicError) as refused:
        deploy(params(maxSupply=0))
    assert type(refused.value).__name__ == "SupplyIsZero"  # the collection's error, passed on by the factory


def test_a_collection_without_royalty_and_roles_is_possible(factory, people, params, project, deploy):
    bare = params(
        royaltyReceiver=ZERO,
        royaltyBps=0,
        minter=ZERO,
        minterAllowance=0,
        claimSigner=ZERO,
        operator=ZERO,
        guardian=ZERO,
        quoteSigner=ZERO,
        market=ZERO,
        resaleCurrency=ZERO,
        treasury=ZERO,
        feeReceiver=ZERO,
        tiers=[],
    )
    deploy(bare)
    made = project.TicketCollection.at(factory.predict(people.promoter, EVENT, 1), fetch_from_explorer=False)
    assert (made.minter(), made.guardian(), made.royaltyInfo(0, 100)) == (ZERO, ZERO, (ZERO, 0))
    assert (made.market(), made.treasury(), made.feeReceiver()) == (ZERO, people.promoter, ZERO)


# ---- initialising


def test_a_collection_is_initialised_once(fresh, people, params):
    for caller in (people.promoter, people.stranger):
        with ape.reverts(fresh.AlreadyInitialized):
            fresh.initialize(tuple(params(promoter=people.stranger.address).values()), sender=caller)


def test_the_implementation_is_locked(factory, people, params, project):
    implementation = project.TicketCollection.at(factory.implementation(1), fetch_from_explorer=False)
    with ape.reverts(implementation.AlreadyInitialized):
        implementation.initialize(tuple(params().values()), sender=people.admin)
    with ape.reverts(implementation.Unauthorized):
        implementation.setMinter(people.admin, 1, sender=people.admin)
    with ape.reverts(implementation.NotMinter):
        implementation.mintBatch(1, bytes(22), sender=people.admin)
    assert int(implementation.owner(), 16) == 0


@pytest.fixture
def clone(people, project, factory):
    """A clone that somebody made without the factory, not initialised."""
    runtime = "363d3d373d3d3d363d73" + factory.implementation(1)[2:] + "5af43d82803e903d91602b57fd5bf3"
    made = people.stranger.deploy(project.Proxies).make(bytes.fromhex(runtime), sender=people.stranger)
    return project.TicketCollection.at(events(made, "Made")[0]["made"], fetch_from_explorer=False)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("promoter", ZERO, "PromoterIsZero"),
        ("maxSupply", 0, "SupplyIsZero"),
        ("royaltyBps", 1001, "RoyaltyTooHigh"),
        ("royaltyReceiver", ZERO, "RoyaltyReceiverIsZeroAddress"),
        ("tiers", [(1, 1, 1, 0)], "BadTierTerms"),
        ("tiers", [(1, 1, 3, 2)], "BadTierTerms"),
        ("tiers", [(1, 1, 1, 1), (1, 2, 1, 1)], "TierAlreadyPublished"),
    ],
)
def test_a_clone_refuses_bad_parameters(clone, people, params, field, value, error):
    with ape.reverts(getattr(clone, error)):
        clone.initialize(tuple(params(**{field: value}).values()), sender=people.stranger)


def test_a_clone_made_elsewhere_is_none_of_the_factorys(clone, factory, people, params):
    clone.initialize(tuple(params().values()), sender=people.stranger)
    assert clone.owner() == people.promoter
    assert not factory.isCollection(clone)


# ---- the owner's part


def test_versions_are_added_by_the_owner_and_count_up(factory, people, project):
    second = people.admin.deploy(project.TicketCollection)
    with ape.reverts(factory.Unauthorized):
        factory.addVersion(second, sender=people.deployer)
    with ape.reverts(factory.NotAContract, account=people.anna.address):
        factory.addVersion(people.anna, sender=people.admin)
    receipt = factory.addVersion(second, sender=people.admin)
    assert events(receipt, "VersionAdded") == [{"version": 2, "implementation": second.address}]
    assert (factory.latestVersion(), factory.implementation(2)) == (2, second.address)
    assert factory.implementation(3) == ZERO


def test_deployers_are_named_by_the_owner(factory, people):
    for other in (people.deployer, people.promoter, people.stranger):
        with ape.reverts(factory.Unauthorized):
            factory.setDeployer(other, True, sender=other)
    factory.setDeployer(people.stranger, True, sender=people.admin)
    assert factory.isDeployer(people.stranger)


def test_the_factory_changes_owner_in_two_steps_only(factory, people):
    with ape.reverts(factory.OneStepOwnershipDisabled):
        factory.transferOwnership(people.anna, sender=people.admin)
    with ape.reverts(factory.OneStepOwnershipDisabled):
        factory.renounceOwnership(sender=people.admin)
    factory.requestOwnershipHandover(sender=people.anna)
    factory.completeOwnershipHandover(people.anna, sender=people.admin)
    assert factory.owner() == people.anna


def test_a_factory_needs_an_owner(people, project, factory):
    with ape.reverts(factory.NewOwnerIsZeroAddress):
        people.admin.deploy(project.CollectionFactory, ZERO)


def test_the_factorys_domain_is_told(factory):
    assert tuple(factory.eip712Domain())[:5] == (b"\x0f", "Backstage Factory", "1", 31337, factory.address)
