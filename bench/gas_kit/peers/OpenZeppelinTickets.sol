// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title Tickets on OpenZeppelin's ERC721: one minter, batches of the same calldata as ours. No tier, no status.
contract OpenZeppelinTickets is ERC721, Ownable {
    uint256 private constant _ENTRY = 22;

    /// @notice The deployer mints.
    constructor() ERC721("Tickets", "TIX") Ownable(msg.sender) {}

    /// @notice Mints `entries` from id `first` on.
    function mintBatch(uint256 first, bytes calldata entries) external onlyOwner {
        uint256 count = entries.length / _ENTRY;
        for (uint256 i; i < count; ++i) {
            _mint(address(bytes20(entries[i * _ENTRY:])), first + i);
        }
    }

    /// @notice Mints one ticket of an id that the caller chose.
    function mint(address to, uint256 id) external onlyOwner {
        _mint(to, id);
    }

    /// @notice Burns a ticket.
    function burn(uint256 id) external onlyOwner {
        _burn(id);
    }
}
