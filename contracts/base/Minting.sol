// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibMap} from "solady/src/utils/LibMap.sol";
import {IERC7439} from "../interfaces/IERC7439.sol";
import {ITicketCollection} from "../interfaces/ITicketCollection.sol";
import {Scope} from "../libraries/Words.sol";
import {Guarded} from "./Guarded.sol";
import {TicketRules} from "./TicketRules.sol";

/// @title How tickets come to be: batches and single mints of the minter; what is counted for every mint.
abstract contract Minting is TicketRules, Guarded {
    using LibMap for LibMap.Uint32Map;

    /// @notice The most entries one batch holds.
    uint256 public constant MAX_BATCH = 1000;

    /// @dev An entry: 20 bytes owner, 2 bytes tier.
    uint256 private constant _ENTRY = 22;
    /// @dev Stands where a minted batch has its contents hash.
    bytes32 private constant _CANCELLED = bytes32(uint256(1));

    // One storage word: all that a mint counts.
    /// @inheritdoc ITicketCollection
    uint64 public override maxSupply;
    /// @inheritdoc ITicketCollection
    uint64 public override totalMinted;
    uint64 internal _burnt;
    uint64 private _lastBatch;

    mapping(uint64 number => bytes32 contents) private _batches;
    /// @dev By batch number, or by the id of a safeMint.
    LibMap.Uint32Map private _mintTimes;

    /// @inheritdoc ITicketCollection
    function nextBatch() public view override returns (uint64) {
        return _lastBatch + 1;
    }

    /// @inheritdoc ITicketCollection
    function batchState(uint64 number) external view override returns (uint8 state, bytes32 contentsHash) {
        bytes32 contents = _batches[number];
        if (contents == bytes32(0)) return (0, bytes32(0));
        if (contents == _CANCELLED) return (2, bytes32(0));
        return (1, contents);
    }

    /// @inheritdoc ITicketCollection
    function mintedAt(uint256 batchOrTokenId) public view override returns (uint32) {
        return _mintTimes.get(batchOrTokenId);
    }

    /// @inheritdoc ITicketCollection
    function totalSupply() external view override returns (uint64) {
        return totalMinted - _burnt;
    }

    /// @inheritdoc ITicketCollection
    function mintBatch(uint64 number, bytes calldata entries)
        external
        override
        onlyMinter
        unlessPaused(Scope.MINT)
    {
        uint256 count = entries.length / _ENTRY;
        if (count == 0 || count > MAX_BATCH || entries.length % _ENTRY != 0) revert BadEntries();
        bytes32 contents = keccak256(entries);
        _consumeBatch(number, contents);
        _spendAllowance(uint64(count));
        _countMint(uint64(count));
        _mintTimes.set(number, uint32(block.timestamp));

        emit BatchMinted(number, contents, uint32(count));
        emit TierAssigned(number, _tiersOf(entries, count));
        for (uint256 i; i < count; ++i) {
            (address to, uint16 tier) = _entryAt(entries, i);
            if (to == address(0)) revert BadEntries();
            _create(to, _tokenId(number, i), tier);
        }
    }

    /// @inheritdoc ITicketCollection
    function cancelBatch(uint64 number) external override onlyMinter {
        _consumeBatch(number, _CANCELLED);
        emit BatchCancelled(number);
    }

    /// @inheritdoc IERC7439
    function safeMint(address to, bytes calldata signature)
        external
        override
        onlyMinter
        unlessPaused(Scope.MINT)
        guarded
    {
        if (to == address(0)) revert ReceiverIsZero();
        _checkReceiver(to);
        _spendAllowance(1);
        uint256 tokenId = SAFE_SINGLE | _countMint(1);
        _mintTimes.set(tokenId, uint32(block.timestamp));
        emit SinglesMinted(tokenId, 1, 0);
        emit TokenStatusChanged(tokenId, TokenStatus.Sold, signature);
        _createSafely(to, tokenId);
    }

    /// @dev Mints tickets that were bought, one after another, and returns the first id.
    function _mintSingles(address to, uint16 tier, uint16 quantity) internal returns (uint256 first) {
        first = SINGLE | _countMint(quantity);
        emit SinglesMinted(first, quantity, tier);
        for (uint256 i; i < quantity; ++i) {
            _create(to, first + i, tier);
        }
    }

    /// @dev Counts tickets against the supply; every way to mint passes here. Returns how many there were before.
    function _countMint(uint64 count) private returns (uint64 before) {
        before = totalMinted;
        if (before + count > maxSupply) revert SupplyExceeded();
        totalMinted = before + count;
    }

    /// @dev Names the supply; called once.
    function _setMaxSupply(uint64 maxSupply_) internal {
        if (maxSupply_ == 0) revert SupplyIsZero();
        maxSupply = maxSupply_;
    }

    /// @dev When the minter minted a ticket; zero for one that was bought here.
    function _mintTime(uint256 tokenId) internal view override returns (uint32) {
        return mintedAt(tokenId < SINGLE ? _batchOf(tokenId) : tokenId);
    }

    /// @dev Uses a batch number up, for good.
    function _consumeBatch(uint64 number, bytes32 contents) private {
        uint64 expected = nextBatch();
        if (number != expected) revert BatchOutOfOrder(expected, number);
        _lastBatch = number;
        _batches[number] = contents;
    }

    /// @dev The tiers of the entries, two bytes each, in order.
    function _tiersOf(bytes calldata entries, uint256 count) private pure returns (bytes memory tiers) {
        tiers = new bytes(count * 2 + 30); // each tier is written with 30 zero bytes behind it
        for (uint256 i; i < count; ++i) {
            (, uint16 tier) = _entryAt(entries, i);
            assembly ("memory-safe") {
                mstore(add(add(tiers, 0x20), mul(i, 2)), shl(240, tier))
            }
        }
        assembly ("memory-safe") {
            mstore(tiers, mul(count, 2))
        }
    }

    /// @dev One entry; the caller keeps `i` below the number of whole entries.
    function _entryAt(bytes calldata entries, uint256 i) private pure returns (address to, uint16 tier) {
        assembly ("memory-safe") {
            let word := calldataload(add(entries.offset, mul(i, _ENTRY)))
            to := shr(96, word)
            tier := and(shr(80, word), 0xffff)
        }
    }
}
