// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "solady/src/auth/Ownable.sol";

/// @title An owner that changes only in two steps and never goes away.
/// @notice The new owner calls requestOwnershipHandover; within 48 hours the present one calls completeOwnershipHandover.
/// @dev Solady makes all of it payable. Nobody could take out what came along, so nothing may.
abstract contract TwoStepOwnable is Ownable {
    /// @notice Ownership moves in two steps only.
    error OneStepOwnershipDisabled();
    /// @notice A standard or a package makes this function payable; it takes no money.
    error ValueRefused();

    /// @notice Always reverts: a mistyped address would lose the contract.
    function transferOwnership(address) public payable override {
        revert OneStepOwnershipDisabled();
    }

    /// @notice Always reverts: somebody must be able to act.
    function renounceOwnership() public payable override {
        revert OneStepOwnershipDisabled();
    }

    /// @notice Asks for the contract; the owner may hand it over to the caller within 48 hours.
    /// @dev Reverts: ValueRefused.
    function requestOwnershipHandover() public payable override {
        _refuseValue();
        super.requestOwnershipHandover();
    }

    /// @notice Takes the caller's request back.
    /// @dev Reverts: ValueRefused.
    function cancelOwnershipHandover() public payable override {
        _refuseValue();
        super.cancelOwnershipHandover();
    }

    /// @notice Hands the contract over to somebody who asked for it. Only the owner.
    /// @dev Reverts: ValueRefused, Unauthorized, NoHandoverRequest.
    /// @param pendingOwner The new owner.
    function completeOwnershipHandover(address pendingOwner) public payable override {
        _refuseValue();
        super.completeOwnershipHandover(pendingOwner);
    }

    /// @dev Reverts if money came along.
    function _refuseValue() internal view {
        if (msg.value != 0) revert ValueRefused();
    }

    /// @dev Makes a second initialisation revert with AlreadyInitialized.
    function _guardInitializeOwner() internal pure override returns (bool) {
        return true;
    }
}
