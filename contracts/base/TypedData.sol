// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title EIP-712 digests whose domain is read live.
/// @notice The chain id and the contract's own address are read at each use, so that a signature dies with a fork and
///         belongs to one clone only.
/// @dev Unlike Solady's EIP712 it keeps nothing in immutables: a clone could not use them, and without them the runtime
///      code is the same on every network and can be compared by its hash.
abstract contract TypedData {
    bytes32 private constant _DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice ERC-5267: the domain that signatures for this contract name.
    /// @return fields 0x0f: name, version, chain id and contract are used.
    /// @return name The domain's name.
    /// @return version "1".
    /// @return chainId The present one.
    /// @return verifyingContract This contract.
    /// @return salt Not used.
    /// @return extensions None.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (0x0f, _domainName(), "1", block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    /// @dev The domain's name.
    function _domainName() internal pure virtual returns (string memory);

    /// @dev The digest that is signed for a struct hash.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(_DOMAIN_TYPEHASH, keccak256(bytes(_domainName())), keccak256("1"), block.chainid, address(this))
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
