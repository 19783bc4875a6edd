// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A contract that takes tickets, and on request does something else while it takes one.
contract TicketHolder {
    address private _target;
    bytes private _call;

    /// @notice How the call made on receipt ended.
    bool public succeeded;
    /// @notice What it answered or reverted with.
    bytes public answer;

    /// @notice Makes the next receipts call `target`.
    function onReceiptCall(address target, bytes calldata data) external {
        (_target, _call) = (target, data);
    }

    /// @notice Makes any call, as the holder that this contract is.
    function execute(address target, bytes calldata data) public {
        (bool ok, bytes memory result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    /// @notice Makes several calls in one transaction.
    function executeAll(address target, bytes[] memory calls) external {
        for (uint256 i; i < calls.length; ++i) {
            this.execute(target, calls[i]);
        }
    }

    /// @notice ERC-721 receiver.
    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        if (_target != address(0)) (succeeded, answer) = _target.call(_call);
        return this.onERC721Received.selector;
    }
}

/// @title A contract that knows nothing of tickets.
contract Stranger {
    /// @notice Makes its code differ from the code of others.
    function hello() external pure returns (uint256) {
        return 1;
    }
}
