// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./Books.sol";
import {IOwned} from "./Parts.sol";

/// @title The two steps by which the owners of the four contracts change, and what nobody may ever do.
abstract contract OwnerActions is Books {
    function collection_requestOwnershipHandover(uint256 who) external {
        _request(address(collection), PROMOTER, who);
    }

    function collection_cancelOwnershipHandover(uint256 who) external {
        _cancel(address(collection), PROMOTER, who);
    }

    function collection_completeOwnershipHandover(uint256 who, uint256 by) external {
        _complete(address(collection), PROMOTER, who, by);
    }

    function market_requestOwnershipHandover(uint256 who) external {
        _request(address(market), ADMIN, who);
    }

    function market_cancelOwnershipHandover(uint256 who) external {
        _cancel(address(market), ADMIN, who);
    }

    function market_completeOwnershipHandover(uint256 who, uint256 by) external {
        _complete(address(market), ADMIN, who, by);
    }

    function bks_requestOwnershipHandover(uint256 who) external {
        _request(address(bks), ADMIN, who);
    }

    function bks_cancelOwnershipHandover(uint256 who) external {
        _cancel(address(bks), ADMIN, who);
    }

    function bks_completeOwnershipHandover(uint256 who, uint256 by) external {
        _complete(address(bks), ADMIN, who, by);
    }

    function factory_requestOwnershipHandover(uint256 who) external {
        _request(address(factory), ADMIN, who);
    }

    function factory_cancelOwnershipHandover(uint256 who) external {
        _cancel(address(factory), ADMIN, who);
    }

    function factory_completeOwnershipHandover(uint256 who, uint256 by) external {
        _complete(address(factory), ADMIN, who, by);
    }

    /// @notice What nobody may do at all, tried by anybody; the owners too.
    function trespass(uint256 who, uint256 what) external {
        what = mix(what);
        address sender = _anybody(who);
        address[4] memory all = [address(collection), address(market), address(bks), address(factory)];
        bytes memory call;
        if (what % 4 == 0) call = abi.encodeCall(IOwned.transferOwnership, (sender));
        else if (what % 4 == 1) call = abi.encodeCall(IOwned.renounceOwnership, ());
        else if (what % 4 == 2) call = abi.encodeCall(collection.initialize, (params(address(0))));
        else call = abi.encodeCall(collection.marketMove, (1, book[ids[0]].holder, sender, ids[0], 0, address(0), 0));
        _never(sender, what % 4 < 2 ? all[(what >> 8) % 4] : all[0], 0, call, "somebody did what nobody may");
        if (what % 4 == 2) _never(sender, implementation, 0, call, "the implementation was initialised");
        _note(true);
    }

    /// @notice Time passes.
    function wait_(uint256 time) external {
        vm.warp(block.timestamp + within(mix(time), 1, oneIn(4, time) ? 2 days : 6 hours));
        _note(true);
    }

    function _request(address target, address first, uint256 who) private {
        _act(oneOf(first, who), target, 0, abi.encodeCall(IOwned.requestOwnershipHandover, ()));
    }

    function _cancel(address target, address first, uint256 who) private {
        if (!oneIn(4, who)) return _pass(); // or no handover would live long enough
        _act(oneOf(first, who), target, 0, abi.encodeCall(IOwned.cancelOwnershipHandover, ()));
    }

    function _complete(address target, address first, uint256 who, uint256 by) private {
        address candidate = oneOf(first, who);
        bool asked = IOwned(target).ownershipHandoverExpiresAt(candidate) >= block.timestamp;
        bytes memory call = abi.encodeCall(IOwned.completeOwnershipHandover, (candidate));
        if (!_actAs(by, IOwned(target).owner(), target, call)) return;
        if (!asked) _break("somebody became owner who had not asked, or too long ago");
        if (IOwned(target).owner() != candidate) _break("another than the one who asked became owner");
    }
}
