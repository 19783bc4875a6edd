// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A wallet of code whose key can be replaced.
contract RotatingWallet {
    address private _key;

    /// @param key Whose ECDSA signatures count at first.
    constructor(address key) {
        _key = key;
    }

    /// @notice Replaces the key. Anyone may: tests only.
    function rotate(address key) external {
        _key = key;
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        bool isKeys = ecrecover(digest, uint8(signature[64]), r, s) == _key;
        return isKeys ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
