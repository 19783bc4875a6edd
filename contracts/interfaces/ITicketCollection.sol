// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBoxOffice} from "./IBoxOffice.sol";
import {ICollectionFactory} from "./ICollectionFactory.sol";
import {ICollectionRoles} from "./ICollectionRoles.sol";
import {IERC7439} from "./IERC7439.sol";
import {ITicketRules} from "./ITicketRules.sol";

/// @title One event's tickets: what the platform, promoters, wallets and the index need beyond ERC-721.
/// @notice The words (batch, entry, tier, status, epoch, kind, escrow, scope) are explained in docs/contracts.md.
interface ITicketCollection is ITicketRules, ICollectionRoles, IBoxOffice, IERC7439 {
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
    /// @param number The batch number.
    /// @param contentsHash keccak256 of the entries.
    /// @param count How many tickets.
    event BatchMinted(uint64 indexed number, bytes32 contentsHash, uint32 count);
    /// @notice A batch number was consumed without minting.
    /// @param number The batch number.
    event BatchCancelled(uint64 indexed number);
    /// @notice The tiers of a minted batch: two bytes (big endian) per entry, in order.
    /// @param batch The batch number.
    /// @param tiers The tiers.
    event TierAssigned(uint64 indexed batch, bytes tiers);
    /// @notice A ticket changed hands, or was sent to its own holder. Comes after its Transfer; never for mint or burn.
    /// @param tokenId The ticket.
    /// @param kind 0 GIFT, 1 SALE, 2 BUYBACK, 3 CLAIM, 4 ISSUER, 5 RECOVERY.
    /// @param epoch Its epoch from now on.
    event TicketMoved(uint256 indexed tokenId, uint8 kind, uint32 epoch);
    /// @notice A ticket's status changed.
    /// @param tokenId The ticket.
    /// @param status 0 LIVE, 1 LOCKED, 2 USED, 3 VOID.
    event StatusChanged(uint256 indexed tokenId, uint8 status);
    /// @notice ERC-5192: the ticket left LIVE.
    /// @param tokenId The ticket.
    event Locked(uint256 tokenId);
    /// @notice ERC-5192: the ticket is LIVE again. Not emitted at mint: every ticket is minted LIVE.
    /// @param tokenId The ticket.
    event Unlocked(uint256 tokenId);
    /// @notice Contracts with this code may, or may no longer, receive tickets.
    /// @param codeHash The hash of the code, of a minimal proxy that of its implementation.
    /// @param allowed True if they may.
    event ReceiverCodeHashChanged(bytes32 indexed codeHash, bool allowed);
    /// @notice The metadata can never change again.
    event MetadataFrozen();
    /// @notice ERC-4906: these tickets' metadata changed.
    /// @param fromTokenId The first.
    /// @param toTokenId The last.
    event BatchMetadataUpdate(uint256 fromTokenId, uint256 toTokenId);
    /// @notice The collection was set up with these parameters: keccak256(abi.encode(params)).
    /// @param paramsHash The same that CollectionDeployed carries.
    event Initialized(bytes32 paramsHash);

    // ---- errors

    /// @notice Batch numbers are consumed one after another.
    /// @param expected nextBatch().
    /// @param given What it was.
    error BatchOutOfOrder(uint64 expected, uint64 given);
    /// @notice Entries are empty, cut off, more than MAX_BATCH, or name the zero address.
    error BadEntries();
    /// @notice The mint would pass maxSupply.
    error SupplyExceeded();
    /// @notice The ticket is not in escrow.
    /// @param tokenId The ticket.
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
    /// @param current The ticket's epoch.
    /// @param given What was signed.
    error StaleEpoch(uint32 current, uint32 given);
    /// @notice Only LIVE tickets move.
    /// @param tokenId The ticket.
    /// @param status Its status.
    error TicketNotLive(uint256 tokenId, uint8 status);
    /// @notice Not an edge of the status graph.
    /// @param tokenId The ticket.
    /// @param from Its status.
    /// @param to What was asked for.
    error BadStatusChange(uint256 tokenId, uint8 from, uint8 to);
    /// @notice Only VOID tickets can be burnt.
    /// @param tokenId The ticket.
    error TicketNotVoid(uint256 tokenId);
    /// @notice Tickets never go back into escrow.
    error ReceiverIsCollection();
    /// @notice The zero address holds no tickets and gets no money.
    error ReceiverIsZero();
    /// @notice A contract whose code the owner has not allowed.
    /// @param receiver The contract.
    /// @param codeHash What would have to be allowed.
    error ReceiverNotAllowed(address receiver, bytes32 codeHash);
    /// @notice The hash of no code allows nothing.
    error BadCodeHash();
    /// @notice The metadata is frozen.
    error MetadataIsFrozen();
    /// @notice A collection needs a promoter.
    error PromoterIsZero();
    /// @notice A collection needs room for at least one ticket.
    error SupplyIsZero();

    // ---- setup

    /// @notice Sets a fresh clone up; once.
    /// @dev The factory calls it in the transaction that creates the clone. Reverts: AlreadyInitialized, PromoterIsZero,
    ///      SupplyIsZero, RoyaltyTooHigh, RoyaltyReceiverIsZeroAddress, BadTierTerms, TierAlreadyPublished.
    /// @param p The parameters the promoter agreed to.
    function initialize(ICollectionFactory.Params calldata p) external;

    // ---- mint and escrow

    /// @notice The number that mintBatch or cancelBatch must name next.
    /// @return Counts from 1.
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
    /// @param tokenId The ticket.
    /// @return owner Its holder; the collection itself while it is in escrow.
    /// @return tier Its tier's number.
    /// @return status 0 LIVE, 1 LOCKED, 2 USED, 3 VOID.
    /// @return epoch How often it has moved.
    function ticket(uint256 tokenId) external view returns (address owner, uint16 tier, uint8 status, uint32 epoch);

    /// @notice Sets the status of several tickets. Only the operator. All or none.
    /// @dev Edges: LIVE to LOCKED and back; LIVE or LOCKED to USED; LIVE or LOCKED to VOID. Reverts: NotOperator,
    ///      TokenDoesNotExist, BadStatusChange.
    /// @param tokenIds The tickets.
    /// @param status 1 LOCKED, 2 USED, 3 VOID, or 0 LIVE for LOCKED ones.
    function setStatus(uint256[] calldata tokenIds, uint8 status) external;

    /// @notice Burns a VOID ticket. Only the operator.
    /// @dev Reverts: NotOperator, TokenDoesNotExist, TicketNotVoid.
    /// @param tokenId The ticket.
    function burn(uint256 tokenId) external;

    /// @notice ERC-5192: true unless the ticket is LIVE.
    /// @dev Reverts: TokenDoesNotExist.
    /// @param tokenId The ticket.
    /// @return True if it cannot move.
    function locked(uint256 tokenId) external view returns (bool);

    /// @notice ERC-7572 metadata of the collection.
    /// @return The base URI and "collection.json".
    function contractURI() external view returns (string memory);

    /// @notice When a batch was minted, in Unix seconds; 0 unless MINTED. For an id of safeMint: when that ticket was.
    /// @param batchOrTokenId A batch number, or an id of safeMint.
    /// @return Unix seconds.
    function mintedAt(uint256 batchOrTokenId) external view returns (uint32);

    /// @notice Points the metadata elsewhere. Only the owner, until freezeMetadata.
    /// @dev Reverts: Unauthorized, MetadataIsFrozen.
    /// @param uri With its closing slash.
    function setBaseURI(string calldata uri) external;

    /// @notice Ends all change of metadata. Only the owner, once.
    /// @dev Reverts: Unauthorized, MetadataIsFrozen.
    function freezeMetadata() external;

    /// @notice Whether the metadata is final.
    /// @return True for good once it is.
    function metadataFrozen() external view returns (bool);

    // ---- rules

    /// @notice Tickets that can ever be minted.
    /// @return Fixed at setup.
    function maxSupply() external view returns (uint64);

    /// @notice Tickets minted so far, burnt ones included.
    /// @return Never falls.
    function totalMinted() external view returns (uint64);

    /// @notice Tickets that exist.
    /// @return Minted less burnt.
    function totalSupply() external view returns (uint64);

    /// @notice Allows or stops contracts with this code as receivers. Only the owner.
    /// @dev For ERC-1167 proxies give the hash of the implementation's code. Reverts: Unauthorized, BadCodeHash.
    /// @param codeHash The hash of the code, of a minimal proxy that of its implementation.
    /// @param allowed True allows, false stops.
    function setReceiverCodeHash(bytes32 codeHash, bool allowed) external;

    /// @notice Whether contracts with this code may receive tickets.
    /// @param codeHash The hash of the code, of a minimal proxy that of its implementation.
    /// @return True if they may.
    function isReceiverCodeHash(bytes32 codeHash) external view returns (bool);
}
