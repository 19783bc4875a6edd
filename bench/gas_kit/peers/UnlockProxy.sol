// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @title What stands before Unlock's own contract, which refuses to be initialised by itself.
contract UnlockProxy is ERC1967Proxy {
    /// @notice Initialises it.
    constructor(address implementation, bytes memory data) ERC1967Proxy(implementation, data) {}
}
