// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A lock over everything that handles money or calls a receiver; it lives for one transaction (EIP-1153).
abstract contract Guarded {
    bool private transient _entered;

    /// @notice The call came from inside another guarded call.
    error Reentered();

    /// @dev One guarded function at a time.
    modifier guarded() {
        _enter();
        _;
        _entered = false;
    }

    /// @dev Takes the lock.
    function _enter() private {
        if (_entered) revert Reentered();
        _entered = true;
    }
}
