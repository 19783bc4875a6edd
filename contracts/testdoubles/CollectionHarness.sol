// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TicketCollection} from "../TicketCollection.sol";

/// @title A collection whose tickets tests can move for every kind of reason.
/// @dev SALE and BUYBACK have no entry point of their own yet; their rules in the hook are tested through this.
contract CollectionHarness is TicketCollection {
    /// @notice Moves a ticket of `from` for a reason. Anyone may: tests only.
    function moveAs(uint8 kind, address from, address to, uint256 tokenId) external {
        _move(from, to, tokenId, kind);
    }
}
