// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "solady/src/tokens/ERC20.sol";

/// @title A token that keeps a part of what it moves, takes from its receiver, refuses one, answers as it is told, or calls
///        somebody while it moves.
contract OddToken is ERC20 {
    uint256 private _kept;
    address private _refused;
    address private _target;
    bytes private _call;
    uint256 private _robbed;
    bool private _hasAnswer;
    bytes private _told;

    /// @notice How often somebody came with a permit.
    uint256 public permits;

    /// @notice How the call made during a move ended.
    bool public succeeded;
    /// @notice What it answered or reverted with.
    bytes public answer;

    /// @notice The receiver is refused.
    error Refused();

    /// @notice Creates tokens for anybody.
    function give(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice transferFrom moves that much less from now on; the highest number: nothing, and says it did.
    function keep(uint256 kept) external {
        _kept = kept;
    }

    /// @notice Transfers to this receiver revert from now on.
    function refuse(address receiver) external {
        _refused = receiver;
    }

    /// @notice Moves call `target` from now on.
    function onMoveCall(address target, bytes calldata data) external {
        (_target, _call) = (target, data);
    }

    /// @notice transferFrom takes that much from the receiver from now on, instead of giving.
    function rob(uint256 amount) external {
        _robbed = amount;
    }

    /// @notice Transfers answer these bytes from now on; they move what they are asked to all the same.
    function answerWith(bytes calldata told) external {
        (_hasAnswer, _told) = (true, told);
    }

    /// @notice ERC-2612: counted, and of no effect.
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) public override {
        ++permits;
    }

    /// @notice ERC-20, with the oddities asked for.
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (_target != address(0)) (succeeded, answer) = _target.call(_call);
        if (_kept == type(uint256).max) return true;
        if (_robbed != 0) {
            _burn(to, _robbed);
            return true;
        }
        return super.transferFrom(from, to, amount - _kept);
    }

    /// @notice ERC-20, with the oddities asked for.
    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_target != address(0)) (succeeded, answer) = _target.call(_call);
        if (to == _refused) revert Refused();
        super.transfer(to, amount);
        if (_hasAnswer) {
            bytes memory told = _told;
            assembly ("memory-safe") {
                return(add(told, 0x20), mload(told))
            }
        }
        return true;
    }

    /// @notice ERC-20.
    function name() public pure override returns (string memory) {
        return "Odd";
    }

    /// @notice ERC-20.
    function symbol() public pure override returns (string memory) {
        return "ODD";
    }
}
