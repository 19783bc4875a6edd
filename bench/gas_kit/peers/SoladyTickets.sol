// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {ERC721} from "solady/src/tokens/ERC721.sol";

/// @title Tickets on Solady's ERC721 with as little beside it as tickets can do with: one minter, tier and status.
/// @dev The same calldata as ours (22 bytes an entry), the same ids, but no supply, no allowance, no rules: what our rules
///      cost is part of the comparison. Tier in bits 0..15 beside the owner, status in 16..23.
contract SoladyTickets is ERC721, Ownable {
    uint256 private constant _ENTRY = 22;

    /// @notice The deployer mints.
    constructor() {
        _initializeOwner(msg.sender);
    }

    /// @notice Mints `entries` from id `first` on.
    function mintBatch(uint256 first, bytes calldata entries) external onlyOwner {
        uint256 count = entries.length / _ENTRY;
        for (uint256 i; i < count; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(add(entries.offset, mul(i, _ENTRY)))
            }
            _mintAndSetExtraDataUnchecked(address(uint160(word >> 96)), first + i, uint16(word >> 80));
        }
    }

    /// @notice Mints one ticket of an id that the caller chose.
    function mint(address to, uint256 id, uint16 tier) external onlyOwner {
        _mintAndSetExtraDataUnchecked(to, id, tier);
    }

    /// @notice Sets the status of several tickets.
    function setStatus(uint256[] calldata ids, uint8 status) external onlyOwner {
        for (uint256 i; i < ids.length; ++i) {
            if (!_exists(ids[i])) revert TokenDoesNotExist();
            uint96 terms = _getExtraData(ids[i]);
            _setExtraData(ids[i], (terms & ~(uint96(0xff) << 16)) | (uint96(status) << 16));
        }
    }

    /// @notice A ticket's status.
    function statusOf(uint256 id) external view returns (uint8) {
        return uint8(_getExtraData(id) >> 16);
    }

    /// @notice Burns a ticket.
    function burn(uint256 id) external onlyOwner {
        _burn(id);
    }

    /// @inheritdoc ERC721
    function name() public pure override returns (string memory) {
        return "Tickets";
    }

    /// @inheritdoc ERC721
    function symbol() public pure override returns (string memory) {
        return "TIX";
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }
}
