// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {ERC721} from "solady/src/tokens/ERC721.sol";
import {LibString} from "solady/src/utils/LibString.sol";
import {CollectionRoles} from "./base/CollectionRoles.sol";
import {TicketStore} from "./base/TicketStore.sol";
import {TypedData} from "./base/TypedData.sol";
import {ICollectionFactory} from "./interfaces/ICollectionFactory.sol";
import {ITicketCollection} from "./interfaces/ITicketCollection.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Kind, Scope, Status} from "./libraries/Words.sol";

/// @title The tickets of one event.
/// @notice ERC-721 with Metadata, ERC-2981, ERC-4906, ERC-5192, ERC-7572. Used as an ERC-1167 clone made by the factory.
contract TicketCollection is CollectionRoles, TicketStore, TypedData {
    /// @notice The most entries one batch holds.
    uint256 public constant MAX_BATCH = 1000;

    /// @dev An entry: 20 bytes owner, 2 bytes tier.
    uint256 private constant _ENTRY = 22;
    /// @dev Stands where a minted batch has its contents hash.
    bytes32 private constant _CANCELLED = bytes32(uint256(1));

    bytes32 private constant _VOUCHER_TYPEHASH = keccak256(
        "ClaimVoucher(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
    );
    bytes32 private constant _ACCEPTANCE_TYPEHASH = keccak256(
        "ClaimAcceptance(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
    );

    // One storage word: all that a mint counts.
    /// @inheritdoc ITicketCollection
    uint64 public override maxSupply;
    /// @inheritdoc ITicketCollection
    uint64 public override totalMinted;
    uint64 private _burnt;
    uint64 private _lastBatch;

    mapping(uint64 number => bytes32 contents) private _batches;
    /// @inheritdoc ITicketCollection
    mapping(bytes32 codeHash => bool allowed) public override isReceiverCodeHash;

    string private _name;
    string private _symbol;
    string private _baseURI;
    /// @inheritdoc ITicketCollection
    bool public override metadataFrozen;

    /// @dev Why the present move happens; GIFT unless an entry point of ours says otherwise. Lives for one transaction.
    uint8 private transient _kind;

    /// @notice Locks the implementation: only clones can be initialised.
    constructor() {
        _initializeOwner(address(0));
    }

    /// @inheritdoc ITicketCollection
    function initialize(ICollectionFactory.Params calldata p) external override {
        if (p.promoter == address(0)) revert PromoterIsZero();
        if (p.maxSupply == 0) revert SupplyIsZero();
        _initializeOwner(p.promoter);
        emit Initialized(keccak256(abi.encode(p)));
        (_name, _symbol, _baseURI, maxSupply) = (p.name, p.symbol, p.baseURI, p.maxSupply);
        _setRoyalty(p.royaltyReceiver, p.royaltyBps);
        _setMinter(p.minter, p.minterAllowance);
        _setClaimSigner(p.claimSigner, p.claimsPerDay);
        _setOperator(p.operator);
        _setGuardian(p.guardian);
    }

    // ---- mint and escrow

    /// @inheritdoc ITicketCollection
    function nextBatch() public view override returns (uint64) {
        return _lastBatch + 1;
    }

    /// @inheritdoc ITicketCollection
    function batchState(uint64 number) external view override returns (uint8 state, bytes32 contentsHash) {
        bytes32 contents = _batches[number];
        if (contents == bytes32(0)) return (0, bytes32(0));
        if (contents == _CANCELLED) return (2, bytes32(0));
        return (1, contents);
    }

    /// @inheritdoc ITicketCollection
    function mintBatch(uint64 number, bytes calldata entries)
        external
        override
        onlyMinter
        unlessPaused(Scope.MINT)
    {
        uint256 count = entries.length / _ENTRY;
        if (count == 0 || count > MAX_BATCH || entries.length % _ENTRY != 0) revert BadEntries();
        bytes32 contents = keccak256(entries);
        _consumeBatch(number, contents);
        _spendAllowance(uint64(count));
        uint64 minted = totalMinted + uint64(count);
        if (minted > maxSupply) revert SupplyExceeded();
        totalMinted = minted;

        emit BatchMinted(number, contents, uint32(count));
        emit TierAssigned(number, _tiers(entries, count));
        for (uint256 i; i < count; ++i) {
            address to = address(bytes20(entries[i * _ENTRY:]));
            if (to == address(0)) revert BadEntries();
            _create(to, _tokenId(number, i), uint16(bytes2(entries[i * _ENTRY + 20:])));
        }
    }

    /// @inheritdoc ITicketCollection
    function cancelBatch(uint64 number) external override onlyMinter {
        _consumeBatch(number, _CANCELLED);
        emit BatchCancelled(number);
    }

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
        if (!Signatures.isValid(claimSigner, _claimDigest(_VOUCHER_TYPEHASH, c), voucher)) revert BadVoucher();
        if (!Signatures.isValid(c.recipient, _claimDigest(_ACCEPTANCE_TYPEHASH, c), acceptance)) revert BadAcceptance();
        _countClaim();
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
            uint256 tokenId = tokenIds[i];
            (,, uint8 from,) = _load(tokenId);
            if (!Status.mayBecome(from, status)) revert BadStatusChange(tokenId, from, status);
            _writeStatus(tokenId, status);
            if (_getApproved(tokenId) != address(0)) _approve(address(0), tokenId);
            emit StatusChanged(tokenId, status);
            if (status == Status.LIVE) emit Unlocked(tokenId);
            else if (from == Status.LIVE) emit Locked(tokenId);
        }
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
    function approve(address account, uint256 tokenId) public payable override {
        if (msg.value != 0) revert ValueRefused();
        super.approve(account, tokenId);
    }

    // ---- metadata

    /// @notice ERC-721 Metadata: the collection's name.
    function name() public view override returns (string memory) {
        return _name;
    }

    /// @notice ERC-721 Metadata: the collection's symbol.
    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    /// @notice ERC-721 Metadata: one file per tier.
    /// @dev Reverts: TokenDoesNotExist.
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

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, ERC2981) returns (bool) {
        return ERC721.supportsInterface(interfaceId) || ERC2981.supportsInterface(interfaceId)
            || interfaceId == 0x49064906 // ERC-4906
            || interfaceId == 0xb45a3c0e; // ERC-5192
    }

    // ---- rules

    /// @inheritdoc ITicketCollection
    function totalSupply() external view override returns (uint64) {
        return totalMinted - _burnt;
    }

    /// @inheritdoc ITicketCollection
    function setReceiverCodeHash(bytes32 codeHash, bool allowed) external override onlyOwner {
        // The hash of an account that does not exist, and of one without code.
        if (codeHash == bytes32(0) || codeHash == keccak256("")) revert BadCodeHash();
        isReceiverCodeHash[codeHash] = allowed;
        emit ReceiverCodeHashChanged(codeHash, allowed);
    }

    /// @dev Moves a ticket for a reason other than its holder's wish. The caller has checked who may.
    function _move(address from, address to, uint256 tokenId, uint8 kind) internal {
        _kind = kind;
        _transfer(from, to, tokenId);
        _kind = Kind.GIFT;
    }

    /// @dev The one hook: every way to move a ticket passes here. Mint and burn are checked where they happen.
    function _beforeTokenTransfer(address from, address to, uint256 tokenId) internal view override {
        // ERC-721's own code refuses the zero address after this.
        if (from == address(0) || to == address(0)) return;
        if (msg.value != 0) revert ValueRefused();
        uint8 status = _status(tokenId);
        if (status != Status.LIVE) revert TicketNotLive(tokenId, status);
        uint8 kind = _kind;
        if ((kind == Kind.SALE || kind == Kind.BUYBACK) && paused & Scope.RESALE != 0) {
            revert ScopePaused(Scope.RESALE);
        }
        if (to == address(this)) revert ReceiverIsCollection();
        if (Accounts.isWallet(to)) return;
        bytes32 codeHash = Accounts.codeHash(to);
        if (!isReceiverCodeHash[codeHash]) revert ReceiverNotAllowed(to, codeHash);
    }

    /// @dev After Solady has written the owner and cleared the approval.
    function _afterTokenTransfer(address from, address to, uint256 tokenId) internal override {
        if (from == address(0) || to == address(0)) return;
        emit TicketMoved(tokenId, _kind, _raiseEpoch(tokenId));
    }

    /// @dev Uses a batch number up, for good.
    function _consumeBatch(uint64 number, bytes32 contents) private {
        uint64 expected = nextBatch();
        if (number != expected) revert BatchOutOfOrder(expected, number);
        _lastBatch = number;
        _batches[number] = contents;
    }

    /// @dev The tiers of the entries, two bytes each, in order.
    function _tiers(bytes calldata entries, uint256 count) private pure returns (bytes memory tiers) {
        tiers = new bytes(count * 2);
        for (uint256 i; i < count; ++i) {
            tiers[i * 2] = entries[i * _ENTRY + 20];
            tiers[i * 2 + 1] = entries[i * _ENTRY + 21];
        }
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
