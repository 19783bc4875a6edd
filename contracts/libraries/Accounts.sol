// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What stands behind an address: a plain wallet, an EIP-7702 delegated wallet, or a contract.
/// @dev It cannot see the future: an address without code may get some later, and a contract has none while its
///      constructor runs. Both count as plain wallets here.
library Accounts {
    /// @dev EIP-7702: the code of a delegated wallet is 0xef0100 and the address it delegates to.
    bytes3 private constant _DELEGATION = 0xef0100;
    uint256 private constant _DELEGATED_LENGTH = 23;

    /// @notice True if the account is a wallet with a key that delegates to code (EIP-7702).
    function isDelegated(address account) internal view returns (bool) {
        // No contract can pass for one: since EIP-3541 code that begins with 0xef cannot be deployed.
        return account.code.length == _DELEGATED_LENGTH && bytes3(account.code) == _DELEGATION;
    }

    /// @notice True if the account is a wallet with a key: no code, or an EIP-7702 delegation.
    function isWallet(address account) internal view returns (bool) {
        return account.code.length == 0 || isDelegated(account);
    }

    /// @notice The hash that says what a contract does: of its code, or of its implementation's if it is an ERC-1167 proxy.
    /// @dev One step only. Upgradeable proxies count as themselves, because what they do can change.
    function codeHash(address account) internal view returns (bytes32) {
        address implementation = _implementation(account.code);
        return implementation == address(0) ? account.codehash : implementation.codehash;
    }

    /// @dev Zero unless the code is one of the two minimal proxies: the one of ERC-1167 (45 bytes) or the shorter one
    ///      that Solady deploys (44 bytes).
    function _implementation(bytes memory code) private pure returns (address) {
        if (code.length == 45) {
            if (bytes10(_word(code, 0)) != 0x363d3d373d3d3d363d73) return address(0);
            if (bytes15(_word(code, 30)) != 0x5af43d82803e903d91602b57fd5bf3) return address(0);
            return address(bytes20(_word(code, 10)));
        }
        if (code.length == 44) {
            if (bytes11(_word(code, 0)) != 0x3d3d3d3d363d3d37363d73) return address(0);
            if (bytes13(_word(code, 31)) != 0x5af43d3d93803e602a57fd5bf3) return address(0);
            return address(bytes20(_word(code, 11)));
        }
        return address(0);
    }

    /// @dev The 32 bytes at `offset`; what lies behind the end is not read by the callers.
    function _word(bytes memory code, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(code, 0x20), offset))
        }
    }
}
