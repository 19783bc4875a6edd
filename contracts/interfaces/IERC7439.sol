// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-7439, prevention of ticket touting (interface id 0x15fbb306).
/// @notice How its words map to ours: Sold is LIVE or LOCKED, Void is VOID, Redeemed is USED. Resell never shows: a listing is
///         a signature off chain, and a sale is one transaction. No signature and no expiry is kept per token.
interface IERC7439 {
    /// @notice The standard's statuses, in its order.
    enum TokenStatus {
        Sold,
        Resell,
        Void,
        Redeemed
    }

    /// @notice A ticket's status in the standard's words was set. The signature is what the caller handed in, or empty.
    /// @param tokenId The ticket.
    /// @param tokenStatus In the standard's words.
    /// @param signature As handed in; nothing is read from it.
    event TokenStatusChanged(uint256 indexed tokenId, TokenStatus indexed tokenStatus, bytes signature);

    /// @notice changeState to Resell, or with an expiry: the collection keeps neither.
    error StateNotKept();

    /// @notice Mints one ticket of tier 0 with an id from the range reserved for this (bits 52 and 51 set). Only the minter,
    ///         inside its allowance and daily limit.
    /// @dev Asks a contract by onERC721Received. Reverts: NotMinter, ScopePaused(2), ReceiverIsZero, ReceiverIsCollection,
    ///      ReceiverNotAllowed, AllowanceExceeded, MintLimitExceeded, SupplyExceeded, Reentered,
    ///      TransferToNonERC721ReceiverImplementer.
    /// @param to Who receives it.
    /// @param signature Passed on in TokenStatusChanged; nothing is read from it.
    function safeMint(address to, bytes calldata signature) external;

    /// @notice Sets one ticket's status in the standard's words. Only the operator; the edges of setStatus hold.
    /// @dev Reverts: NotOperator, StateNotKept, TokenDoesNotExist, BadStatusChange.
    /// @param tokenId The ticket.
    /// @param signature Passed on in TokenStatusChanged; nothing is read from it.
    /// @param tokenStatus Sold (unlocks), Void or Redeemed.
    /// @param newExpireTime Zero: a ticket ends with its event.
    function changeState(
        uint256 tokenId,
        bytes calldata signature,
        TokenStatus tokenStatus,
        uint256 newExpireTime
    ) external;
}
