// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

/// @notice An ERC-2612 approval that goes with a payment; all zero for none.
/// @param value What the payer approved, in the token's base unit.
/// @param deadline Unix seconds; zero means that there is no permit.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @title Taking and paying money: the native coin (currency zero) or an ERC-20.
library Payments {
    /// @notice Gas a receiver of the native coin may use: enough for a wallet of code to note it, not to do business.
    uint256 internal constant STIPEND = 50_000;

    /// @notice The native coin that came with the call is not exactly what is owed.
    /// @param expected In wei.
    /// @param given In wei.
    error WrongValue(uint256 expected, uint256 given);
    /// @notice The token moved another amount than it was asked to (it keeps a fee, say).
    /// @param expected In base units.
    /// @param received In base units.
    error WrongAmountReceived(uint256 expected, uint256 received);
    /// @notice The token or the receiver refused the payment.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param account Who should have paid or been paid.
    /// @param amount In base units.
    error PaymentFailed(address currency, address account, uint256 amount);

    /// @notice Takes exactly `amount` from `from` into this contract, or reverts.
    function take(address currency, address from, uint256 amount, Permit calldata permit) internal {
        uint256 value = currency == address(0) ? amount : 0;
        if (msg.value != value) revert WrongValue(value, msg.value);
        if (currency == address(0) || amount == 0) return;
        if (permit.deadline != 0) _permit(currency, from, permit);
        uint256 before = SafeTransferLib.balanceOf(currency, address(this));
        if (!SafeTransferLib.trySafeTransferFrom(currency, from, address(this), amount)) {
            revert PaymentFailed(currency, from, amount);
        }
        uint256 now_ = SafeTransferLib.balanceOf(currency, address(this));
        if (now_ != before + amount) revert WrongAmountReceived(amount, now_ < before ? 0 : now_ - before);
    }

    /// @notice Tries to pay; never reverts because of the receiver. False if nothing moved.
    function tryPay(address currency, address to, uint256 amount) internal returns (bool) {
        if (currency == address(0)) return SafeTransferLib.trySafeTransferETH(to, amount, STIPEND);
        if (currency.code.length == 0) return false;
        (bool ok, bytes memory answer) = currency.call(abi.encodeWithSignature("transfer(address,uint256)", to, amount));
        return ok && (answer.length == 0 || (answer.length >= 32 && abi.decode(answer, (uint256)) == 1));
    }

    /// @notice Pays, or reverts with PaymentFailed.
    function pay(address currency, address to, uint256 amount) internal {
        if (!tryPay(currency, to, amount)) revert PaymentFailed(currency, to, amount);
    }

    /// @dev A permit can be used by anybody who sees it, so one that fails may have been used a moment ago: what counts is
    ///      the allowance that transferFrom finds.
    function _permit(address token, address owner, Permit calldata p) private {
        (bool ok,) = token.call(
            abi.encodeWithSignature(
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
                owner,
                address(this),
                p.value,
                p.deadline,
                p.v,
                p.r,
                p.s
            )
        );
        ok; // told apart by the allowance
    }
}
