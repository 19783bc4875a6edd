// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A wallet of code: what its key signs is signed, and its key makes it call anything.
contract CodeWallet {
    address internal _key;

    /// @notice A call for somebody else's key.
    error NotTheKey();

    /// @notice Names the key. Anyone may, once: tests only.
    function setUp(address key) external {
        if (_key == address(0)) _key = key;
    }

    /// @notice Whose signatures count.
    function owner() public view virtual returns (address) {
        return _key;
    }

    /// @notice Makes any call, as the account that this contract is.
    function execute(address target, bytes calldata data) external {
        if (msg.sender != owner()) revert NotTheKey();
        (bool ok, bytes memory answer) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        bool isOwners = ecrecover(digest, uint8(signature[64]), r, s) == owner();
        return isOwners ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice ERC-721 receiver.
    function onERC721Received(address, address from, uint256 tokenId, bytes calldata)
        external
        virtual
        returns (bytes4)
    {
        _received(from, tokenId);
        return this.onERC721Received.selector;
    }

    /// @dev What a subclass does with a ticket.
    function _received(address from, uint256 tokenId) internal virtual {}
}

interface IHasOwners {
    /// @notice ERC-721.
    function ownerOf(uint256 tokenId) external view returns (address);
}

/// @title The implementation of an ERC-6551 account: whoever holds a certain token of another contract is its owner.
/// @dev The registry's proxy ends with salt, chain id, token contract and token id.
contract BoundAccount is CodeWallet {
    /// @notice ERC-6551: the token that owns this account.
    function token() public view returns (uint256 chainId, address tokenContract, uint256 tokenId) {
        bytes memory code = address(this).code;
        assembly ("memory-safe") {
            let end := add(add(code, 0x20), mload(code))
            chainId := mload(sub(end, 0x60))
            tokenContract := mload(sub(end, 0x40))
            tokenId := mload(sub(end, 0x20))
        }
    }

    /// @notice Who holds that token now.
    function owner() public view override returns (address) {
        (, address tokenContract, uint256 tokenId) = token();
        return IHasOwners(tokenContract).ownerOf(tokenId);
    }
}

/// @title A vault that takes tickets in and gives out shares of its own, which move as they like.
contract WrapperVault is CodeWallet {
    /// @notice Who has a ticket's share.
    mapping(uint256 tokenId => address) public shareOf;

    /// @notice Moves a share. Its holder.
    function moveShare(uint256 tokenId, address to) external {
        if (msg.sender != shareOf[tokenId]) revert NotTheKey();
        shareOf[tokenId] = to;
    }

    /// @dev Whoever brings a ticket gets its share.
    function _received(address from, uint256 tokenId) internal override {
        shareOf[tokenId] = from;
    }
}
