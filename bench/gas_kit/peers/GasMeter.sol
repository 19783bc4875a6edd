// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title What a question costs another contract that asks it.
contract GasMeter {
    /// @notice Asks, and returns the gas that went (the address itself cold) and the answer. Reverts if it does.
    function measure(address target, bytes calldata question) external view returns (uint256 used, bytes memory answer) {
        bytes memory sent = question;
        uint256 before = gasleft();
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), target, add(sent, 0x20), mload(sent), 0, 0)
        }
        used = before - gasleft();
        answer = new bytes(0);
        assembly ("memory-safe") {
            let size := returndatasize()
            if iszero(ok) {
                let at := mload(0x40)
                returndatacopy(at, 0, size)
                revert(at, size)
            }
            answer := mload(0x40)
            mstore(answer, size)
            returndatacopy(add(answer, 0x20), 0, size)
            mstore(0x40, and(add(add(answer, size), 0x3f), not(31)))
        }
    }
}
