// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBoxOffice} from "./IBoxOffice.sol";
import {ICollectionFactory} from "./ICollectionFactory.sol";
import {IERC7439} from "./IERC7439.sol";
import {ITicketRules} from "./ITicketRules.sol";

/// @title One event's tickets: what the platform, promoters, wallets and the index need beyond ERC-721.
/// @notice The words (batch, entry, tier, status, epoch, kind, escrow, scope) are explained in docs/contracts.md.
interface ITicketCollection is ITicketRules, IBoxOffice, IERC7439 {
    /// @notice What the claim signer and the recipient both sign, each under its own EIP-712 type.
    /// @param tokenId The escrowed ticket.
    /// @param recipient The wallet that receives it.
    /// @param epoch The ticket's epoch when the voucher was made.
    /// @param deadline Unix seconds; good up to and including this moment.
    /// @param nonce Makes two vouchers for one ticket different.
    struct Claim {
        uint256 tokenId;
        address recipient;
        uint32 epoch;
        uint64 deadline;
        bytes32 nonce;
    }

    // ---- events

    /// @notice A batch was minted. Comes before its Transfers.
    event BatchMinted(uint64 indexed number, bytes32 contentsHash, uint32 count);
    /// @notice A batch number was consumed without minting.
    event BatchCancelled(uint64 indexed number);
    /// @notice The tiers of a minted batch: two bytes (big endian) per entry, in order.
    event TierAssigned(uint64 indexed batch, bytes tiers);
    /// @notice A ticket changed hands, or was sent to its own holder. Comes after its Transfer; never for mint or burn.
    event TicketMoved(uint256 indexed tokenId, uint8 kind, uint32 epoch);
    /// @notice A ticket's status changed.
    event StatusChanged(uint256 indexed tokenId, uint8 status);
    /// @notice ERC-5192: the ticket left LIVE.
    event Locked(uint256 tokenId);
    /// @notice ERC-5192: the ticket is LIVE again. Not emitted at mint: every ticket is minted LIVE.
    event Unlocked(uint256 tokenId);
    /// @notice The whole set of paused scopes was replaced.
    event ScopesPaused(uint8 scopes, address indexed by);
    /// @notice Who may mint, and how many tickets are left to it.
    event MinterChanged(address indexed minter, uint64 allowance);
    /// @notice How many tickets the minter may mint in one UTC day.
    event MintsPerDayChanged(uint32 perDay);
    /// @notice Whose vouchers count, and how many claims may pass a day.
    event ClaimSignerChanged(address indexed signer, uint32 perDay);
    /// @notice Who may set statuses.
    event OperatorChanged(address indexed operator);
    /// @notice Who may pause and revoke.
    event GuardianChanged(address indexed guardian);
    /// @notice ERC-2981 terms for every ticket.
    event RoyaltyChanged(address indexed receiver, uint96 bps);
    /// @notice Contracts with this code may, or may no longer, receive tickets.
    event ReceiverCodeHashChanged(bytes32 indexed codeHash, bool allowed);
    /// @notice The metadata can never change again.
    event MetadataFrozen();
    /// @notice ERC-4906: these tickets' metadata changed.
    event BatchMetadataUpdate(uint256 fromTokenId, uint256 toTokenId);
    /// @notice The collection was set up with these parameters: keccak256(abi.encode(params)).
    event Initialized(bytes32 paramsHash);

    // ---- errors

    /// @notice The caller is not the minter.
    error NotMinter();
    /// @notice The caller is not the operator.
    error NotOperator();
    /// @notice The caller is neither the owner nor the guardian.
    error NotOwnerOrGuardian();
    /// @notice This scope is paused.
    error ScopePaused(uint8 scope);
    /// @notice A bit that names no scope.
    error UnknownScopes(uint8 scopes);
    /// @notice Batch numbers are consumed one after another.
    error BatchOutOfOrder(uint64 expected, uint64 given);
    /// @notice Entries are empty, cut off, more than MAX_BATCH, or name the zero address.
    error BadEntries();
    /// @notice The minter has fewer tickets left than the batch holds.
    error AllowanceExceeded();
    /// @notice The minter has fewer tickets left today than the batch holds.
    error MintLimitExceeded();
    /// @notice The mint would pass maxSupply.
    error SupplyExceeded();
    /// @notice The ticket is not in escrow.
    error NotEscrowed(uint256 tokenId);
    /// @notice The claim's deadline has passed.
    error Expired();
    /// @notice The voucher is not the claim signer's signature over this claim.
    error BadVoucher();
    /// @notice The acceptance is not the recipient's signature over this claim.
    error BadAcceptance();
    /// @notice Today's claims are used up.
    error ClaimLimitExceeded();
    /// @notice The ticket has moved since this was signed.
    error StaleEpoch(uint32 current, uint32 given);
    /// @notice Only LIVE tickets move.
    error TicketNotLive(uint256 tokenId, uint8 status);
    /// @notice Not an edge of the status graph.
    error BadStatusChange(uint256 tokenId, uint8 from, uint8 to);
    /// @notice Only VOID tickets can be burnt.
    error TicketNotVoid(uint256 tokenId);
    /// @notice Tickets never go back into escrow.
    error ReceiverIsCollection();
    /// @notice The zero address holds no tickets and gets no money.
    error ReceiverIsZero();
    /// @notice A contract whose code the owner has not allowed.
    error ReceiverNotAllowed(address receiver, bytes32 codeHash);
    /// @notice The hash of no code allows nothing.
    error BadCodeHash();
    /// @notice Royalties are at most 1000 basis points.
    error RoyaltyTooHigh(uint96 bps);
    /// @notice The metadata is frozen.
    error MetadataIsFrozen();
    /// @notice A collection needs a promoter.
    error PromoterIsZero();
    /// @notice A collection needs room for at least one ticket.
    error SupplyIsZero();
    /// @notice ERC-721 makes this function payable; only buy takes money.
    error ValueRefused();

    // ---- setup

    /// @notice Sets a fresh clone up; once.
    /// @dev The factory calls it in the transaction that creates the clone. Reverts: AlreadyInitialized, PromoterIsZero,
    ///      SupplyIsZero, RoyaltyTooHigh, RoyaltyReceiverIsZeroAddress, BadTierTerms, TierAlreadyPublished.
    /// @param p The parameters the promoter agreed to.
    function initialize(ICollectionFactory.Params calldata p) external;

    // ---- mint and escrow

    /// @notice The number that mintBatch or cancelBatch must name next.
    function nextBatch() external view returns (uint64);

    /// @notice What became of a batch number.
    /// @param number The batch number.
    /// @return state 0 UNUSED, 1 MINTED, 2 CANCELLED.
    /// @return contentsHash keccak256 of the entries; zero unless MINTED.
    function batchState(uint64 number) external view returns (uint8 state, bytes32 contentsHash);

    /// @notice Mints a batch. Only the minter. Calls no receiver.
    /// @dev Reverts: NotMinter, ScopePaused(2), BatchOutOfOrder, BadEntries, AllowanceExceeded,
    ///      MintLimitExceeded, SupplyExceeded.
    /// @param number nextBatch().
    /// @param entries 22 bytes each: owner, then tier (big endian).
    function mintBatch(uint64 number, bytes calldata entries) external;

    /// @notice Consumes a batch number without minting. Only the minter; also while MINT is paused.
    /// @dev Reverts: NotMinter, BatchOutOfOrder.
    /// @param number nextBatch().
    function cancelBatch(uint64 number) external;

    /// @notice Moves an escrowed ticket to its recipient. Anyone may submit it.
    /// @dev Reverts: ScopePaused(8), Expired, TokenDoesNotExist, NotEscrowed, StaleEpoch, BadVoucher, BadAcceptance,
    ///      ClaimLimitExceeded, WalletLimitExceeded, TicketNotLive, ReceiverNotAllowed.
    /// @param c What both signed.
    /// @param voucher The claim signer's signature over ClaimVoucher (ECDSA or ERC-1271).
    /// @param acceptance The recipient's signature over ClaimAcceptance (ECDSA or ERC-1271).
    function claim(Claim calldata c, bytes calldata voucher, bytes calldata acceptance) external;

    // ---- tickets

    /// @notice All that the chain knows of a ticket.
    /// @dev Reverts: TokenDoesNotExist.
    function ticket(uint256 tokenId) external view returns (address owner, uint16 tier, uint8 status, uint32 epoch);

    /// @notice Sets the status of several tickets. Only the operator. All or none.
    /// @dev Edges: LIVE to LOCKED and back; LIVE or LOCKED to USED; LIVE or LOCKED to VOID. Reverts: NotOperator,
    ///      TokenDoesNotExist, BadStatusChange.
    function setStatus(uint256[] calldata tokenIds, uint8 status) external;

    /// @notice Burns a VOID ticket. Only the operator.
    /// @dev Reverts: NotOperator, TokenDoesNotExist, TicketNotVoid.
    function burn(uint256 tokenId) external;

    /// @notice ERC-5192: true unless the ticket is LIVE.
    /// @dev Reverts: TokenDoesNotExist.
    function locked(uint256 tokenId) external view returns (bool);

    /// @notice ERC-7572 metadata of the collection.
    function contractURI() external view returns (string memory);

    /// @notice When a batch was minted, in Unix seconds; 0 unless MINTED. For an id of safeMint: when that ticket was.
    function mintedAt(uint256 batchOrTokenId) external view returns (uint32);

    /// @notice Points the metadata elsewhere. Only the owner, until freezeMetadata.
    /// @dev Reverts: Unauthorized, MetadataIsFrozen.
    function setBaseURI(string calldata uri) external;

    /// @notice Ends all change of metadata. Only the owner, once.
    /// @dev Reverts: Unauthorized, MetadataIsFrozen.
    function freezeMetadata() external;

    /// @notice Whether the metadata is final.
    function metadataFrozen() external view returns (bool);

    // ---- rules

    /// @notice Tickets that can ever be minted.
    function maxSupply() external view returns (uint64);

    /// @notice Tickets minted so far, burnt ones included.
    function totalMinted() external view returns (uint64);

    /// @notice Tickets that exist.
    function totalSupply() external view returns (uint64);

    /// @notice Allows or stops contracts with this code as receivers. Only the owner.
    /// @dev For ERC-1167 proxies give the hash of the implementation's code. Reverts: Unauthorized, BadCodeHash.
    function setReceiverCodeHash(bytes32 codeHash, bool allowed) external;

    /// @notice Whether contracts with this code may receive tickets.
    function isReceiverCodeHash(bytes32 codeHash) external view returns (bool);

    /// @notice Replaces the whole set of paused scopes. Owner or guardian.
    /// @dev Reverts: NotOwnerOrGuardian, UnknownScopes.
    function setPaused(uint8 scopes) external;

    /// @notice The paused scopes: 1 SALE, 2 MINT, 4 RESALE, 8 CLAIM.
    function paused() external view returns (uint8);

    // ---- roles

    /// @notice Who may mint; zero for nobody.
    function minter() external view returns (address);

    /// @notice Tickets the minter may still mint.
    function minterAllowance() external view returns (uint64);

    /// @notice Sets the minter and what it may mint from now on. Only the owner.
    function setMinter(address minter_, uint64 allowance) external;

    /// @notice Tickets the minter may mint in one UTC day.
    function mintsPerDay() external view returns (uint32);

    /// @notice Sets how many tickets the minter may mint in one UTC day; 0 stops it. Only the owner. Today's stay counted.
    function setMintsPerDay(uint32 perDay) external;

    /// @notice Replaces the minter and keeps what is left to it; zero revokes. Owner or guardian.
    function rotateMinter(address minter_) external;

    /// @notice Whose vouchers count; zero for nobody's.
    function claimSigner() external view returns (address);

    /// @notice Claims that may pass in one UTC day.
    function claimsPerDay() external view returns (uint32);

    /// @notice Sets the claim signer and its daily limit. Only the owner. Today's claims stay counted.
    function setClaimSigner(address signer, uint32 perDay) external;

    /// @notice Replaces the claim signer and keeps its limit; zero revokes. Owner or guardian.
    function rotateClaimSigner(address signer) external;

    /// @notice Who may set statuses.
    function operator() external view returns (address);

    /// @notice Sets the operator. The owner; the guardian only to zero.
    function setOperator(address operator_) external;

    /// @notice Who may pause and revoke.
    function guardian() external view returns (address);

    /// @notice Sets the guardian. Only the owner.
    function setGuardian(address guardian_) external;

    /// @notice Sets the ERC-2981 royalty of every ticket. Only the owner.
    /// @dev Reverts: Unauthorized, RoyaltyTooHigh, RoyaltyReceiverIsZeroAddress.
    /// @param receiver Who is owed; may be zero when bps is zero.
    /// @param bps Basis points of the price, at most 1000.
    function setRoyalty(address receiver, uint96 bps) external;
}
