// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibClone} from "solady/src/utils/LibClone.sol";
import {TwoStepOwnable} from "./base/TwoStepOwnable.sol";
import {TypedData} from "./base/TypedData.sol";
import {ICollectionFactory} from "./interfaces/ICollectionFactory.sol";
import {ITicketCollection} from "./interfaces/ITicketCollection.sol";
import {ITicketRules} from "./interfaces/ITicketRules.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Makes one collection per event, for promoters and with their consent.
contract CollectionFactory is ICollectionFactory, TwoStepOwnable, TypedData {
    bytes32 private constant _CONSENT_TYPEHASH = keccak256(
        "CollectionConsent(address promoter,bytes32 eventRef,uint32 version,string name,string symbol,string baseURI,"
        "uint64 maxSupply,address royaltyReceiver,uint96 royaltyBps,address minter,uint64 minterAllowance,"
        "address claimSigner,uint32 claimsPerDay,address operator,address guardian,uint32 mintsPerDay,"
        "address quoteSigner,uint32 quotesPerDay,address market,address resaleCurrency,address treasury,"
        "address feeReceiver,Rules rules,TierTerms[] tiers,uint64 deadline)"
        "Rules(bool resale,uint16 capBps,uint8 giftLimit,uint32 giftCoolOff,uint64 freezeAt,uint32 resaleHold,uint32 maxPerWallet)"
        "TierTerms(uint16 tier,uint96 face,uint64 paid,uint64 list)"
    );
    bytes32 private constant _RULES_TYPEHASH = keccak256(
        "Rules(bool resale,uint16 capBps,uint8 giftLimit,uint32 giftCoolOff,uint64 freezeAt,uint32 resaleHold,uint32 maxPerWallet)"
    );
    bytes32 private constant _TIER_TYPEHASH = keccak256("TierTerms(uint16 tier,uint96 face,uint64 paid,uint64 list)");

    /// @inheritdoc ICollectionFactory
    mapping(uint32 version => address) public override implementation;
    /// @inheritdoc ICollectionFactory
    uint32 public override latestVersion;
    /// @inheritdoc ICollectionFactory
    mapping(address account => bool) public override isDeployer;
    /// @inheritdoc ICollectionFactory
    mapping(address account => bool) public override isCollection;

    /// @notice Deploys a factory without a version.
    /// @param owner_ Who registers versions and deployers; not zero (NewOwnerIsZeroAddress).
    constructor(address owner_) {
        if (owner_ == address(0)) revert NewOwnerIsZeroAddress();
        _initializeOwner(owner_);
    }

    /// @inheritdoc ICollectionFactory
    function deploy(Params calldata p, uint64 deadline, bytes calldata consent)
        external
        override
        returns (address collection)
    {
        collection = predict(p.promoter, p.eventRef, p.version);
        if (isCollection[collection]) revert AlreadyDeployed(collection);
        if (msg.sender != p.promoter) _checkConsent(p, deadline, consent);
        isCollection[collection] = true;
        LibClone.cloneDeterministic(implementation[p.version], _salt(p.promoter, p.eventRef, p.version));
        emit CollectionDeployed(collection, p.promoter, p.eventRef, p.version, keccak256(abi.encode(p)));
        ITicketCollection(collection).initialize(p);
    }

    /// @inheritdoc ICollectionFactory
    function predict(address promoter, bytes32 eventRef, uint32 version) public view override returns (address) {
        address implementation_ = implementation[version];
        if (implementation_ == address(0)) revert UnknownVersion(version);
        return LibClone.predictDeterministicAddress(
            implementation_, _salt(promoter, eventRef, version), address(this)
        );
    }

    /// @inheritdoc ICollectionFactory
    function addVersion(address implementation_) external override onlyOwner returns (uint32 version) {
        if (implementation_.code.length == 0) revert NotAContract(implementation_);
        version = ++latestVersion;
        implementation[version] = implementation_;
        emit VersionAdded(version, implementation_);
    }

    /// @inheritdoc ICollectionFactory
    function setDeployer(address deployer, bool allowed) external override onlyOwner {
        isDeployer[deployer] = allowed;
        emit DeployerChanged(deployer, allowed);
    }

    /// @dev Reverts unless the caller is a deployer who carries the promoter's consent to exactly these parameters.
    ///      A consent is good once: the second deployment of the same event reverts before it is looked at.
    function _checkConsent(Params calldata p, uint64 deadline, bytes calldata consent) private view {
        if (!isDeployer[msg.sender]) revert NotDeployer();
        if (block.timestamp > deadline) revert ConsentExpired();
        if (!Signatures.isValid(p.promoter, _digest(_hashConsent(p, deadline)), consent)) revert BadConsent();
    }

    /// @dev The EIP-712 struct hash of a consent, in three parts: twenty-six words do not fit the stack at once.
    function _hashConsent(Params calldata p, uint64 deadline) private pure returns (bytes32) {
        bytes memory head = abi.encode(
            _CONSENT_TYPEHASH,
            p.promoter,
            p.eventRef,
            p.version,
            keccak256(bytes(p.name)),
            keccak256(bytes(p.symbol)),
            keccak256(bytes(p.baseURI)),
            p.maxSupply
        );
        bytes memory roles = abi.encode(
            p.royaltyReceiver,
            p.royaltyBps,
            p.minter,
            p.minterAllowance,
            p.claimSigner,
            p.claimsPerDay,
            p.operator,
            p.guardian,
            p.mintsPerDay
        );
        bytes memory sale = abi.encode(
            p.quoteSigner,
            p.quotesPerDay,
            p.market,
            p.resaleCurrency,
            p.treasury,
            p.feeReceiver,
            keccak256(abi.encode(_RULES_TYPEHASH, p.rules)),
            _hashTiers(p.tiers),
            deadline
        );
        return keccak256(bytes.concat(head, roles, sale));
    }

    /// @dev An array of structs in EIP-712: the hash of their struct hashes, one after another.
    function _hashTiers(ITicketRules.TierTerms[] calldata tiers) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](tiers.length);
        for (uint256 i; i < tiers.length; ++i) {
            hashes[i] = keccak256(abi.encode(_TIER_TYPEHASH, tiers[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// @dev Binds the address to promoter, event and version: nobody else can take it.
    function _salt(address promoter, bytes32 eventRef, uint32 version) private pure returns (bytes32) {
        return keccak256(abi.encode(promoter, eventRef, version));
    }

    /// @inheritdoc TypedData
    function _domainName() internal pure override returns (string memory) {
        return "Backstage Factory";
    }
}
