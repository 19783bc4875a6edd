// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Makes proxies with given runtime code, to see which of them the receiver rule looks through.
contract Proxies {
    /// @notice A contract was made.
    event Made(address made);

    /// @notice Deploys exactly `runtime` (at most 255 bytes).
    function make(bytes calldata runtime) external {
        // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN: copies what follows and returns it.
        bytes memory init = abi.encodePacked(hex"60", uint8(runtime.length), hex"8060095f395ff3", runtime);
        address made;
        assembly ("memory-safe") {
            made := create(0, add(init, 0x20), mload(init))
        }
        require(made != address(0), NotMade());
        emit Made(made);
    }

    /// @notice The runtime code was refused by the chain.
    error NotMade();
}
