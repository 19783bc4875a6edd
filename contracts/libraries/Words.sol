// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Ticket statuses as they stand on chain.
/// @dev Plain numbers and not an enum: an unknown value must revert with a named error, not with a panic.
library Status {
    uint8 internal constant LIVE = 0;
    uint8 internal constant LOCKED = 1;
    uint8 internal constant USED = 2;
    uint8 internal constant VOID = 3;

    /// @notice Whether a ticket may go from one status to another.
    /// @dev USED and VOID are final; a ticket under dispute is LOCKED, not VOID.
    function mayBecome(uint8 from, uint8 to) internal pure returns (bool) {
        if (from == LIVE) return to == LOCKED || to == USED || to == VOID;
        if (from == LOCKED) return to == LIVE || to == USED || to == VOID;
        return false;
    }
}

/// @title Why a ticket moved.
library Kind {
    uint8 internal constant GIFT = 0;
    uint8 internal constant SALE = 1;
    uint8 internal constant BUYBACK = 2;
    uint8 internal constant CLAIM = 3;
    uint8 internal constant ISSUER = 4;
    uint8 internal constant RECOVERY = 5;
}

/// @title What can be paused. Refunds (setStatus, burn) and the door never can.
library Scope {
    uint8 internal constant SALE = 1;
    uint8 internal constant MINT = 2;
    uint8 internal constant RESALE = 4;
    uint8 internal constant CLAIM = 8;
    uint8 internal constant ALL = 15;
}
