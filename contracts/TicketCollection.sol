// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibString} from "solady/src/utils/LibString.sol";
import {BoxOffice} from "./base/BoxOffice.sol";
import {TypedData} from "./base/TypedData.sol";
import {ICollectionFactory} from "./interfaces/ICollectionFactory.sol";
import {IERC7439} from "./interfaces/IERC7439.sol";
import {ITicketCollection} from "./interfaces/ITicketCollection.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Kind, Scope, Status} from "./libraries/Words.sol";

/// @title The tickets of one event.
/// @notice ERC-721 with Metadata, ERC-2981, ERC-4906, ERC-5192, ERC-7439, ERC-7572. Used as an ERC-1167 clone made by the
///         factory. What it is made of: TicketStore (where tickets are kept), CollectionRoles, TicketRules (every move),
///         Minting, BoxOffice (buying and money); here are setup, claim, status and metadata.
contract TicketCollection is BoxOffice {
    bytes32 private constant _VOUCHER_TYPEHASH = keccak256(
        "ClaimVoucher(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
    );
    bytes32 private constant _ACCEPTANCE_TYPEHASH = keccak256(
        "ClaimAcceptance(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
    );

    string private _name;
    string private _symbol;
    string private _baseURI;
    /// @inheritdoc ITicketCollection
    bool public override metadataFrozen;

    /// @notice Locks the implementation: only clones can be initialised.
    constructor() {
        _initializeOwner(address(0));
    }

    /// @inheritdoc ITicketCollection
    function initialize(ICollectionFactory.Params calldata p) external override {
        if (p.promoter == address(0)) revert PromoterIsZero();
        _initializeOwner(p.promoter);
        // The one argument, as the factory encoded it: abi.encode(p).
        emit Initialized(keccak256(msg.data[4:]));
        (_name, _symbol, _baseURI) = (p.name, p.symbol, p.baseURI);
        _setMaxSupply(p.maxSupply);
        _setRoyalty(p.royaltyReceiver, p.royaltyBps);
        _setMinter(p.minter, p.minterAllowance);
        _setMintsPerDay(p.mintsPerDay);
        _setClaimSigner(p.claimSigner, p.claimsPerDay);
        _setQuoteSigner(p.quoteSigner, p.quotesPerDay);
        _setOperator(p.operator);
        _setGuardian(p.guardian);
        _fixMarket(p.market, p.resaleCurrency);
        _setTreasury(p.treasury);
        _setFeeReceiver(p.feeReceiver);
        _setRules(p.rules);
        _publishTiers(p.tiers);
    }

    // ---- escrow

    /// @inheritdoc ITicketCollection
    function claim(Claim calldata c, bytes calldata voucher, bytes calldata acceptance)
        external
        override
        unlessPaused(Scope.CLAIM)
    {
        if (block.timestamp > c.deadline) revert Expired();
        (address holder,,, uint32 epoch) = _load(c.tokenId);
        if (holder != address(this)) revert NotEscrowed(c.tokenId);
        if (c.epoch != epoch) revert StaleEpoch(epoch, c.epoch);
        if (!Signatures.isValid(_claimSigner.account, _claimDigest(_VOUCHER_TYPEHASH, c), voucher)) revert BadVoucher();
        if (!Signatures.isValid(c.recipient, _claimDigest(_ACCEPTANCE_TYPEHASH, c), acceptance)) revert BadAcceptance();
        if (!_countToday(_claimSigner, 1)) revert ClaimLimitExceeded();
        _countTaken(c.recipient, 1);
        _move(address(this), c.recipient, c.tokenId, Kind.CLAIM);
    }

    // ---- tickets

    /// @inheritdoc ITicketCollection
    /// @dev The names are part of the ABI, which is why `owner` shadows the collection's own.
    function ticket(uint256 tokenId)
        external
        view
        override
        returns (address owner, uint16 tier, uint8 status, uint32 epoch)
    {
        return _load(tokenId);
    }

    /// @inheritdoc ITicketCollection
    function setStatus(uint256[] calldata tokenIds, uint8 status) external override onlyOperator {
        for (uint256 i; i < tokenIds.length; ++i) {
            _changeStatus(tokenIds[i], status);
            // In ERC-7439's words a LOCKED ticket is still Sold.
            if (status == Status.USED) emit TokenStatusChanged(tokenIds[i], TokenStatus.Redeemed, "");
            else if (status == Status.VOID) emit TokenStatusChanged(tokenIds[i], TokenStatus.Void, "");
        }
    }

    /// @inheritdoc IERC7439
    function changeState(
        uint256 tokenId,
        bytes calldata signature,
        TokenStatus tokenStatus,
        uint256 newExpireTime
    ) external override onlyOperator {
        if (tokenStatus == TokenStatus.Resell || newExpireTime != 0) revert StateNotKept();
        if (tokenStatus == TokenStatus.Sold) _changeStatus(tokenId, Status.LIVE);
        else _changeStatus(tokenId, tokenStatus == TokenStatus.Void ? Status.VOID : Status.USED);
        emit TokenStatusChanged(tokenId, tokenStatus, signature);
    }

    /// @inheritdoc ITicketCollection
    function burn(uint256 tokenId) external override onlyOperator {
        (,, uint8 status,) = _load(tokenId);
        if (status != Status.VOID) revert TicketNotVoid(tokenId);
        ++_burnt;
        _burn(tokenId);
    }

    /// @inheritdoc ITicketCollection
    function locked(uint256 tokenId) external view override returns (bool) {
        (,, uint8 status,) = _load(tokenId);
        return status != Status.LIVE;
    }

    /// @notice ERC-721: lets `account` move one ticket.
    /// @dev Reverts: ValueRefused, TokenDoesNotExist, NotOwnerNorApproved.
    /// @param account Who may; zero for nobody.
    /// @param tokenId The ticket.
    function approve(address account, uint256 tokenId) public payable override {
        _refuseValue();
        super.approve(account, tokenId);
    }

    // ---- metadata

    /// @notice ERC-721 Metadata: the collection's name.
    /// @return As the promoter named it, for good.
    function name() public view override returns (string memory) {
        return _name;
    }

    /// @notice ERC-721 Metadata: the collection's symbol.
    /// @return As the promoter named it, for good.
    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    /// @notice ERC-721 Metadata: one file per tier.
    /// @dev Reverts: TokenDoesNotExist.
    /// @param tokenId The ticket.
    /// @return The base URI, the tier in decimal, ".json".
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        (, uint16 tier,,) = _load(tokenId);
        return string.concat(_baseURI, LibString.toString(tier), ".json");
    }

    /// @inheritdoc ITicketCollection
    function contractURI() external view override returns (string memory) {
        return string.concat(_baseURI, "collection.json");
    }

    /// @inheritdoc ITicketCollection
    function setBaseURI(string calldata uri) external override onlyOwner {
        if (metadataFrozen) revert MetadataIsFrozen();
        _baseURI = uri;
        emit BatchMetadataUpdate(0, type(uint256).max);
    }

    /// @inheritdoc ITicketCollection
    function freezeMetadata() external override onlyOwner {
        if (metadataFrozen) revert MetadataIsFrozen();
        metadataFrozen = true;
        emit MetadataFrozen();
    }

    /// @dev What is signed for a claim under one of its two types.
    function _claimDigest(bytes32 typeHash, Claim calldata c) private view returns (bytes32) {
        return _digest(keccak256(abi.encode(typeHash, c.tokenId, c.recipient, c.epoch, c.deadline, c.nonce)));
    }

    /// @inheritdoc TypedData
    function _domainName() internal pure override returns (string memory) {
        return "Backstage Tickets";
    }
}
