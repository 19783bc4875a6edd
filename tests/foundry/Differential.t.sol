// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Vm} from "./Cheats.sol";
import {World} from "./World.sol";

/// @title What everybody knows an ERC-721 to be.
contract Plain is ERC721 {
    constructor() ERC721("Plain", "P") {}

    function mint(address to, uint256 id) external {
        _mint(to, id);
    }

    function burn(uint256 id) external {
        _burn(id);
    }
}

/// @title With open rules our collection is an ERC-721 like OpenZeppelin's: owners, balances, approvals and events.
contract Differential is World {
    bytes32 private constant _TRANSFER = keccak256("Transfer(address,address,uint256)");
    bytes32 private constant _APPROVAL = keccak256("Approval(address,address,uint256)");
    bytes32 private constant _ALL = keccak256("ApprovalForAll(address,address,bool)");

    Plain private _plain;

    function setUp() public {
        build(address(0));
        _plain = new Plain();
        bytes memory entries;
        for (uint256 i; i < 8; ++i) {
            entries = bytes.concat(entries, bytes20(fan(i)), bytes2(uint16(1)));
            _plain.mint(fan(i), (1 << 16) | i);
        }
        vm.prank(MINTER);
        collection.mintBatch(1, entries);
    }

    /// @notice Each number is one random call, made on both.
    function testFuzz_the_same_calls_have_the_same_outcome(uint256[40] calldata steps) external {
        for (uint256 i; i < steps.length; ++i) {
            _step(uint256(keccak256(abi.encode(steps[i], i))));
            _compare();
        }
    }

    function _step(uint256 seed) private {
        address sender = fan(seed >> 8);
        uint256 id = (1 << 16) | ((seed >> 16) % 9); // one of them does not exist
        address from = (seed >> 24) % 4 == 0 || id % 16 == 8 ? fan(seed >> 32) : _plain.ownerOf(id);
        address to = (seed >> 40) % 16 == 0 ? address(0) : fan(seed >> 48);
        bytes memory call;
        uint256 kind = seed % 8;
        if (kind < 3) call = abi.encodeCall(_plain.transferFrom, (from, to, id));
        else if (kind == 3) call = abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", from, to, id);
        else if (kind == 4) {
            call = abi.encodeWithSignature("safeTransferFrom(address,address,uint256,bytes)", from, to, id, hex"01");
        } else if (kind < 7) call = abi.encodeCall(_plain.approve, (to, id));
        else if (to == address(0)) return; // OpenZeppelin refuses the zero address as an operator; the standard does not
        else call = abi.encodeCall(_plain.setApprovalForAll, (to, seed >> 64 & 1 == 1));
        (bool theirs, bytes32 theirLogs) = _call(address(_plain), sender, call);
        (bool ours, bytes32 ourLogs) = _call(address(collection), sender, call);
        isTrue(theirs == ours, "one of them refused");
        isTrue(theirLogs == ourLogs, "the events differ");
    }

    function _call(address target, address sender, bytes memory call) private returns (bool ok, bytes32 told) {
        vm.recordLogs();
        vm.prank(sender);
        (ok,) = target.call(call);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!ok) return (false, 0); // what was emitted before the revert never happened
        for (uint256 i; i < logs.length; ++i) {
            bytes32 name = logs[i].topics[0];
            if (name != _TRANSFER && name != _APPROVAL && name != _ALL) continue;
            told = keccak256(abi.encode(told, logs[i].topics, logs[i].data));
        }
    }

    function _compare() private view {
        for (uint256 i; i < 8; ++i) {
            uint256 id = (1 << 16) | i;
            isTrue(_plain.ownerOf(id) == collection.ownerOf(id), "owner");
            isTrue(_plain.getApproved(id) == collection.getApproved(id), "approved");
        }
        for (uint256 i; i < FANS; ++i) {
            equal(_plain.balanceOf(fan(i)), collection.balanceOf(fan(i)), "balance");
            for (uint256 j; j < FANS; ++j) {
                isTrue(
                    _plain.isApprovedForAll(fan(i), fan(j)) == collection.isApprovedForAll(fan(i), fan(j)), "operator"
                );
            }
        }
    }
}
