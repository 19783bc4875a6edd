// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC7439} from "../../contracts/interfaces/IERC7439.sol";
import {Books} from "./Books.sol";

/// @title What holders, operator and promoter do with tickets that exist.
abstract contract MoveActions is Books {
    uint256[] private _asked;

    function collection_transferFrom(uint256 which, uint256 to, uint256 by) external {
        (uint256 id, address from) = _given(which);
        _give(id, from, fan(to), by, abi.encodeCall(collection.transferFrom, (from, fan(to), id)));
    }

    function collection_safeTransferFrom(uint256 which, uint256 to, uint256 by, bool withData) external {
        (uint256 id, address from) = _given(which);
        address receiver = oneIn(16, to) ? grump : fan(to); // which takes no tickets either
        bytes memory call = withData
            ? abi.encodeWithSignature("safeTransferFrom(address,address,uint256,bytes)", from, receiver, id, hex"01")
            : abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", from, receiver, id);
        _give(id, from, receiver, by, call);
    }

    function collection_approve(uint256 which, uint256 to, uint256 by) external {
        uint256 id = _pick(which, LIVE, false);
        address holder = book[id].holder;
        address sender = oneIn(4, by) ? fan(mix(by)) : _personOf(id);
        bool may = sender == holder || collection.isApprovedForAll(holder, sender);
        if (!_act(sender, address(collection), 0, abi.encodeCall(collection.approve, (fan(to), id)))) return;
        if (!may) _break("a stranger approved somebody");
        if (collection.getApproved(id) != fan(to)) _break("an approval was not written");
    }

    function collection_setApprovalForAll(uint256 who, uint256 to, bool may) external {
        _act(fan(who), address(collection), 0, abi.encodeCall(collection.setApprovalForAll, (fan(to), may)));
    }

    function collection_issue(uint256 which, uint256 to, uint256 by) external {
        uint256[] memory one = new uint256[](1);
        address[] memory guest = new address[](1);
        address right = collection.owner();
        (one[0], guest[0]) = (_heldBy(which, right), fan(to));
        bool its = book[one[0]].holder == right;
        if (!_actAs(by, right, address(collection), abi.encodeCall(collection.issue, (one, guest)))) return;
        if (!its) _break("the owner handed out a ticket it did not hold");
        _moved(one[0], guest[0], false);
    }

    // ---- recovery

    function collection_requestRecovery(uint256 which, uint256 to, uint256 by) external {
        uint256 id = _pick(which, LOCKED, false);
        bytes memory call = abi.encodeCall(collection.requestRecovery, (id, fan(to)));
        if (!_actAs(by, collection.owner(), address(collection), call)) return;
        if (book[id].status != LOCKED) _break("a recovery was asked for a ticket that is not locked");
        if (book[id].holder == address(collection)) _break("a recovery was asked for a ticket in escrow");
        _asked.push(id);
    }

    function collection_cancelRecovery(uint256 which, uint256 by) external {
        uint256 id = _asked.length == 0 ? _pick(which, LOCKED, false) : _asked[which % _asked.length];
        bytes memory call = abi.encodeCall(collection.cancelRecovery, (id));
        if (!_actAsOne(by, _personOf(id), collection.owner(), address(collection), call)) return;
        (address to,) = collection.recovery(id);
        if (to != address(0)) _break("a cancelled recovery stands");
    }

    function collection_recover(uint256 which, uint256 by, bool patient) external {
        uint256 id = _asked.length == 0 ? _pick(which, LOCKED, false) : _asked[_asked.length - 1 - _recent(which)];
        if (patient) vm.warp(block.timestamp + 2 days);
        bool exists = !book[id].isBurnt;
        (address to, uint64 readyAt) = exists ? collection.recovery(id) : (address(0), uint64(0));
        bytes memory call = abi.encodeCall(collection.recover, (id));
        if (!_actAs(by, collection.owner(), address(collection), call)) return;
        if (to == address(0)) _break("a ticket was recovered without a request");
        if (block.timestamp < readyAt) _break("a ticket was recovered before its time");
        _moved(id, to, true);
    }

    // ---- the operator

    function collection_setStatus(uint256 which, uint256 to, uint256 by) external {
        // Mostly locked and unlocked: what is used or void has no way back.
        uint8 status = oneIn(5, to) ? uint8(within(mix(to), 0, 4)) : oneIn(3, to) ? LIVE : LOCKED;
        uint256[] memory one = new uint256[](1);
        one[0] = _pick(which, status == LIVE ? LOCKED : LIVE, oneIn(7, which));
        _byOperator(by, one[0], status, abi.encodeCall(collection.setStatus, (one, status)));
    }

    function collection_changeState(uint256 which, uint256 to, uint256 by) external {
        IERC7439.TokenStatus word =
            oneIn(5, to) ? IERC7439.TokenStatus(within(mix(to), 0, 3)) : IERC7439.TokenStatus.Sold;
        uint8 status = word == IERC7439.TokenStatus.Sold ? LIVE : word == IERC7439.TokenStatus.Void ? VOID : USED;
        uint256 id = _pick(which, status == LIVE ? LOCKED : LIVE, false);
        _byOperator(by, id, status, abi.encodeCall(collection.changeState, (id, hex"01", word, 0)));
    }

    function _byOperator(uint256 by, uint256 id, uint8 status, bytes memory call) private {
        if (!_actAs(by, collection.operator(), address(collection), call)) return;
        uint8 before = book[id].status;
        if (before == USED || before == VOID) _break("a used or void ticket came back");
        if (before == status || status > VOID) _break("a status changed along no edge");
        book[id].status = status;
        if (collection.getApproved(id) != address(0)) _break("an approval outlived a change of status");
        (address to,) = collection.recovery(id);
        if (status == LIVE && to != address(0)) _break("a recovery outlived an unlock");
        _compare(id);
    }

    /// @dev How far back: every other time the latest.
    function _recent(uint256 seed) private view returns (uint256) {
        return oneIn(2, seed) ? 0 : mix(seed) % _asked.length;
    }

    function _given(uint256 which) private view returns (uint256 id, address from) {
        id = _pick(which, LIVE, false);
        from = book[id].holder;
    }

    function _heldBy(uint256 seed, address who) private view returns (uint256) {
        uint256 first = mix(seed) % ids.length;
        for (uint256 i; i < ids.length; ++i) {
            uint256 id = ids[(first + i) % ids.length];
            if (book[id].holder == who && book[id].status == LIVE && !book[id].isBurnt) return id;
        }
        return ids[first];
    }

    function _give(uint256 id, address from, address to, uint256 by, bytes memory call) private {
        address sender = oneIn(3, by) ? fan(mix(by)) : _personOf(id);
        bool exists = !book[id].isBurnt;
        bool may = exists
            && (sender == from || collection.getApproved(id) == sender || collection.isApprovedForAll(from, sender));
        (uint8 gifts,) = exists ? collection.giftState(id) : (0, 0);
        if (!_act(sender, address(collection), 0, call)) return;
        if (!may) _break("a stranger moved a ticket");
        if (rules.giftLimit != 255 && sender != from) _break("an approved account gave where gifts are limited");
        if (rules.giftLimit != 255 && gifts >= rules.giftLimit) _break("a ticket was given on beyond the limit");
        if (rules.freezeAt != 0 && block.timestamp >= rules.freezeAt) _break("a ticket was given on while frozen");
        _moved(id, to, false);
    }
}
