// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "solady/src/auth/Ownable.sol";

/// @title An owner that changes only in two steps and never goes away.
/// @notice The new owner calls requestOwnershipHandover; within 48 hours the present one calls completeOwnershipHandover.
abstract contract TwoStepOwnable is Ownable {
    /// @notice Ownership moves in two steps only.
    error OneStepOwnershipDisabled();

    /// @notice Always reverts: a mistyped address would lose the contract.
    function transferOwnership(address) public payable override {
        revert OneStepOwnershipDisabled();
    }

    /// @notice Always reverts: somebody must be able to act.
    function renounceOwnership() public payable override {
        revert OneStepOwnershipDisabled();
    }

    /// @dev Makes a second initialisation revert with AlreadyInitialized.
    function _guardInitializeOwner() internal pure override returns (bool) {
        return true;
    }
}
