// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {OwnableRoles} from "solady/src/auth/OwnableRoles.sol";
import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {ERC721} from "solady/src/tokens/ERC721.sol";
import {LibString} from "solady/src/utils/LibString.sol";

/// @title A collection ready to sell, on Solady in full: roles, royalty, cap, metadata. Deployed whole, as most are.
/// @notice No more than it takes to mint and show tickets: no statuses, quotes, claims, resale or rules, and its name is in
///         its code. Whatever were added would make it dearer.
contract SoladyCollection is ERC721, ERC2981, OwnableRoles {
    uint256 private constant _MINTER = 1;
    uint256 private constant _OPERATOR = 2;
    uint256 private constant _GUARDIAN = 4;
    uint256 private constant _ENTRY = 22;

    string private _baseURI;
    uint64 public maxSupply;
    uint64 private _minted;

    /// @notice There are no more tickets.
    error SupplyExceeded();

    /// @notice Sets up everything. The deployer is the owner.
    constructor(
        address[3] memory minterOperatorGuardian,
        string memory baseURI,
        uint64 maxSupply_,
        address royaltyReceiver,
        uint96 royaltyBps
    ) {
        _initializeOwner(msg.sender);
        _setRoles(minterOperatorGuardian[0], _MINTER);
        _setRoles(minterOperatorGuardian[1], _OPERATOR);
        _setRoles(minterOperatorGuardian[2], _GUARDIAN);
        _baseURI = baseURI;
        maxSupply = maxSupply_;
        _setDefaultRoyalty(royaltyReceiver, royaltyBps);
    }

    /// @notice Mints `entries` from id `first` on.
    function mintBatch(uint256 first, bytes calldata entries) external onlyRoles(_MINTER) {
        uint256 count = entries.length / _ENTRY;
        _minted += uint64(count);
        if (_minted > maxSupply) revert SupplyExceeded();
        for (uint256 i; i < count; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(add(entries.offset, mul(i, _ENTRY)))
            }
            _mintAndSetExtraDataUnchecked(address(uint160(word >> 96)), first + i, uint16(word >> 80));
        }
    }

    /// @inheritdoc ERC721
    function name() public pure override returns (string memory) {
        return "A night at the opera";
    }

    /// @inheritdoc ERC721
    function symbol() public pure override returns (string memory) {
        return "OPERA";
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256 id) public view override returns (string memory) {
        return string.concat(_baseURI, LibString.toString(uint16(_getExtraData(id))), ".json");
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, ERC2981) returns (bool) {
        return ERC721.supportsInterface(interfaceId) || ERC2981.supportsInterface(interfaceId);
    }
}
