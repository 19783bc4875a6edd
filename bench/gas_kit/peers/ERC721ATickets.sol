// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721A} from "erc721a/contracts/ERC721A.sol";

/// @title Tickets on ERC721A: one minter, ids in order. It saves where one holder takes many; here each takes one.
contract ERC721ATickets is ERC721A, Ownable {
    uint256 private constant _ENTRY = 22;

    /// @notice The deployer mints.
    constructor() ERC721A("Tickets", "TIX") Ownable(msg.sender) {}

    /// @notice Mints one ticket for each entry.
    function mintBatch(bytes calldata entries) external onlyOwner {
        uint256 count = entries.length / _ENTRY;
        for (uint256 i; i < count; ++i) {
            _mint(address(bytes20(entries[i * _ENTRY:])), 1);
        }
    }

    /// @notice Mints one ticket.
    function mint(address to) external onlyOwner {
        _mint(to, 1);
    }

    /// @notice Burns a ticket.
    function burn(uint256 id) external onlyOwner {
        _burn(id);
    }
}
