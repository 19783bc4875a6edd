// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICollectionFactory} from "../../contracts/interfaces/ICollectionFactory.sol";
import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {Books} from "./Books.sol";
import {Collection} from "./Parts.sol";

/// @title More events, by their promoters themselves and by a deployer with their consent.
abstract contract FactoryActions is Books {
    string private constant _RULES =
        "Rules(bool resale,uint16 capBps,uint8 giftLimit,uint32 giftCoolOff,uint64 freezeAt,uint32 resaleHold,uint32 maxPerWallet)";
    string private constant _TIER = "TierTerms(uint16 tier,uint96 face,uint64 paid,uint64 list)";
    string private constant _CONSENT = "CollectionConsent(address promoter,bytes32 eventRef,uint32 version,string name,string symbol,string baseURI,"
        "uint64 maxSupply,address royaltyReceiver,uint96 royaltyBps,address minter,uint64 minterAllowance,"
        "address claimSigner,uint32 claimsPerDay,address operator,address guardian,uint32 mintsPerDay,"
        "address quoteSigner,uint32 quotesPerDay,address market,address resaleCurrency,address treasury,"
        "address feeReceiver,Rules rules,TierTerms[] tiers,uint64 deadline)";

    uint256 private _events = 1;

    function factory_deploy(uint256 who, uint32 version, uint256 royalty) external {
        ICollectionFactory.Params memory p = _params(who, version, royalty);
        bytes memory call = abi.encodeCall(factory.deploy, (p, 0, ""));
        address sender = oneIn(8, who) ? _anybody(who) : p.promoter;
        if (!_once(sender, address(factory), 0, call, "event")) return;
        if (sender != p.promoter) _break("an event was deployed without consent");
        _check(p);
    }

    function factory_deploy_with_consent(uint256 who, uint32 version, uint256 by) external {
        ICollectionFactory.Params memory p = _params(who, version, mix(by));
        address signedBy = oneIn(8, by) ? _anybody(by) : p.promoter;
        bytes memory consent = signed(keyOf(signedBy), "Backstage Factory", address(factory), _hash(p, ALWAYS));
        address sender = _deployer(by);
        bool may = factory.isDeployer(sender) || sender == p.promoter;
        p.maxSupply += 1;
        _never(
            DEPLOYER,
            address(factory),
            0,
            abi.encodeCall(factory.deploy, (p, ALWAYS, consent)),
            "a consent was good for other parameters"
        );
        p.maxSupply -= 1;
        if (!_once(sender, address(factory), 0, abi.encodeCall(factory.deploy, (p, ALWAYS, consent)), "consent")) {
            return;
        }
        if (!may || (sender != p.promoter && signedBy != p.promoter)) _break("an event was deployed without consent");
        _check(p);
    }

    function factory_addVersion(uint256 by) external {
        uint32 before = factory.latestVersion();
        address named = oneIn(8, by) ? fan(by) : implementation;
        if (!_actAs(by, factory.owner(), address(factory), abi.encodeCall(factory.addVersion, (named)))) return;
        if (named != implementation) _break("a version without code was added");
        if (factory.latestVersion() != before + 1) _break("a version number was used twice");
    }

    function factory_setDeployer(uint256 who, bool may, uint256 by) external {
        address named = oneOf(DEPLOYER, who);
        _actAs(by, factory.owner(), address(factory), abi.encodeCall(factory.setDeployer, (named, may)));
    }

    function _check(ICollectionFactory.Params memory p) private {
        Collection made = Collection(abi.decode(answer, (address)));
        if (address(made) != factory.predict(p.promoter, p.eventRef, p.version)) {
            _break("an event is not where it was foretold");
        }
        if (!factory.isCollection(address(made))) _break("the factory does not know its collection");
        if (made.owner() != p.promoter || made.maxSupply() != p.maxSupply) _break("an event is not its promoter's");
    }

    /// @dev Somebody new each time: promoter and event bind the address.
    function _params(uint256 who, uint32 version, uint256 royalty)
        private
        returns (ICollectionFactory.Params memory p)
    {
        p = params(collection.resaleCurrency());
        (p.promoter, p.eventRef) = (fan(who), bytes32(++_events));
        p.version = uint32(within(version, oneIn(16, version) ? 0 : 1, factory.latestVersion()));
        p.royaltyBps = uint96(within(royalty, 0, 1000));
    }

    function _deployer(uint256 by) private view returns (address) {
        if (oneIn(4, by)) return _anybody(by);
        return factory.isDeployer(DEPLOYER) ? DEPLOYER : other(DEPLOYER);
    }

    function _hash(ICollectionFactory.Params memory p, uint64 deadline) private pure returns (bytes32) {
        bytes memory head = abi.encode(
            keccak256(bytes(string.concat(_CONSENT, _RULES, _TIER))),
            p.promoter,
            p.eventRef,
            p.version,
            keccak256(bytes(p.name)),
            keccak256(bytes(p.symbol)),
            keccak256(bytes(p.baseURI)),
            p.maxSupply
        );
        bytes memory keys = abi.encode(
            p.royaltyReceiver, p.royaltyBps, p.minter, p.minterAllowance, p.claimSigner, p.claimsPerDay, p.operator
        );
        bytes memory more = abi.encode(
            p.guardian,
            p.mintsPerDay,
            p.quoteSigner,
            p.quotesPerDay,
            p.market,
            p.resaleCurrency,
            p.treasury,
            p.feeReceiver
        );
        return keccak256(bytes.concat(head, keys, more, _hashTerms(p), abi.encode(deadline)));
    }

    function _hashTerms(ICollectionFactory.Params memory p) private pure returns (bytes memory) {
        bytes memory tiers;
        for (uint256 i; i < p.tiers.length; ++i) {
            tiers = bytes.concat(tiers, keccak256(abi.encode(keccak256(bytes(_TIER)), p.tiers[i])));
        }
        return abi.encode(keccak256(abi.encode(keccak256(bytes(_RULES)), p.rules)), keccak256(tiers));
    }
}
