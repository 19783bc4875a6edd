// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "solady/src/tokens/ERC721.sol";

/// @title Where tickets are kept: one storage word each, owner and terms side by side.
/// @notice Nothing else in the collection knows how a ticket is laid out, so that whole batches can later be kept as
///         contract code without touching the rules.
/// @dev Solady's ERC721 leaves 96 bits beside the owner: tier (bits 0..15), status (16..23), epoch (24..55), gifts
///      (56..63), movedAt (64..95). Beside a wallet's balance it leaves 224: how many tickets it took (0..31).
abstract contract TicketStore is ERC721 {
    /// @dev Set in the ids of single mints.
    uint256 internal constant SINGLE = 1 << 52;
    /// @dev Set in the ids of safeMint, so that a standard's entry point cannot take an id that something else promises.
    uint256 internal constant SAFE_SINGLE = SINGLE | (1 << 51);

    uint256 private constant _INDEX_BITS = 16;

    /// @dev The token id of an entry. Below 2^52 for every batch number that can be reached (2^36 transactions away).
    function _tokenId(uint64 batch, uint256 index) internal pure returns (uint256) {
        return (uint256(batch) << _INDEX_BITS) | index;
    }

    /// @dev The batch that a token id belongs to; meaningless for single mints.
    function _batchOf(uint256 tokenId) internal pure returns (uint256) {
        return tokenId >> _INDEX_BITS;
    }

    /// @dev Creates a LIVE ticket of epoch 0. The id must be new: the caller derives it from a counter.
    function _create(address to, uint256 tokenId, uint16 tier) internal {
        _mintAndSetExtraDataUnchecked(to, tokenId, tier);
    }

    /// @dev Creates a LIVE ticket of tier 0 and epoch 0, and asks a contract whether it takes it.
    function _createSafely(address to, uint256 tokenId) internal {
        _safeMint(to, tokenId);
    }

    /// @dev All of a ticket that most rules ask for. Reverts with TokenDoesNotExist.
    function _load(uint256 tokenId) internal view returns (address owner, uint16 tier, uint8 status, uint32 epoch) {
        owner = ownerOf(tokenId);
        uint96 terms = _getExtraData(tokenId);
        return (owner, uint16(terms), uint8(terms >> 16), uint32(terms >> 24));
    }

    /// @dev A ticket's status; LIVE where there is no ticket.
    function _status(uint256 tokenId) internal view returns (uint8) {
        return uint8(_getExtraData(tokenId) >> 16);
    }

    /// @dev Overwrites the status.
    function _writeStatus(uint256 tokenId, uint8 status) internal {
        uint96 terms = _getExtraData(tokenId);
        _setExtraData(tokenId, (terms & ~(uint96(type(uint8).max) << 16)) | (uint96(status) << 16));
    }

    /// @dev How often a ticket was given on and when it last changed hands; zeros where there is no ticket.
    function _moves(uint256 tokenId) internal view returns (uint8 gifts, uint32 movedAt) {
        uint96 terms = _getExtraData(tokenId);
        return (uint8(terms >> 56), uint32(terms >> 64));
    }

    /// @dev Raises the epoch by one and returns it. Four billion moves of one ticket are out of reach.
    function _writeMove(uint256 tokenId, uint8 gifts, uint32 movedAt) internal returns (uint32 epoch) {
        uint96 terms = uint56(_getExtraData(tokenId)) + (uint96(1) << 24);
        _setExtraData(tokenId, terms | (uint96(gifts) << 56) | (uint96(movedAt) << 64));
        return uint32(terms >> 24);
    }

    /// @dev Tickets a wallet got by buy and claim.
    function _taken(address wallet) internal view returns (uint32) {
        return uint32(_getAux(wallet));
    }

    /// @dev Overwrites that number.
    function _writeTaken(address wallet, uint32 taken) internal {
        _setAux(wallet, taken);
    }
}
