// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "solady/src/tokens/ERC721.sol";

/// @title Where tickets are kept: one storage word each, owner and terms side by side.
/// @notice Nothing else in the collection knows how a ticket is laid out, so that whole batches can later be kept as
///         contract code without touching the rules.
/// @dev Solady's ERC721 leaves 96 bits beside the owner: tier (bits 0..15), status (16..23), epoch (24..55).
abstract contract TicketStore is ERC721 {
    uint256 private constant _INDEX_BITS = 16;

    /// @dev The token id of an entry. Below 2^52 for every batch number that can be reached (2^36 transactions away).
    function _tokenId(uint64 batch, uint256 index) internal pure returns (uint256) {
        return (uint256(batch) << _INDEX_BITS) | index;
    }

    /// @dev Creates a LIVE ticket of epoch 0. The id must be new: the caller derives it from a fresh batch number.
    function _create(address to, uint256 tokenId, uint16 tier) internal {
        _mintAndSetExtraDataUnchecked(to, tokenId, tier);
    }

    /// @dev All of a ticket. Reverts with TokenDoesNotExist.
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

    /// @dev Raises the epoch by one and returns it. Four billion moves of one ticket are out of reach.
    function _raiseEpoch(uint256 tokenId) internal returns (uint32 epoch) {
        uint96 terms = _getExtraData(tokenId) + (uint96(1) << 24);
        _setExtraData(tokenId, terms);
        return uint32(terms >> 24);
    }
}
