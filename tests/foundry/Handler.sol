// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FactoryActions} from "./FactoryActions.sol";
import {MarketActions} from "./MarketActions.sol";
import {MoveActions} from "./MoveActions.sol";
import {OwnerActions} from "./OwnerActions.sol";
import {RoleActions} from "./RoleActions.sol";
import {TokenActions} from "./TokenActions.sol";

/// @title Does everything that anybody can do, at random.
/// @notice A function is named after the contract and the function that it calls, so that tests/house/test_reach.py can
///         see that none is left out, and the run that each of them succeeded.
contract Handler is MarketActions, MoveActions, RoleActions, TokenActions, FactoryActions, OwnerActions {
    constructor(address currency) {
        build(currency);
        _open();
        for (uint256 i; i < 4; ++i) {
            collection_mintBatch(3, i, 0, 1);
        }
        (calls, tried) = (0, new bytes4[](0)); // this was not tried by chance
    }
}
