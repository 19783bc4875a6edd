// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A wallet of code whose signatures are its owner's (ERC-1271).
contract SmartWallet {
    address private immutable _owner;

    /// @param owner_ Whose ECDSA signatures count.
    constructor(address owner_) {
        _owner = owner_;
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        bool isOwners = ecrecover(digest, uint8(signature[64]), r, s) == _owner;
        return isOwners ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
