// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Books} from "./Books.sol";

/// @title What is done with BKS.
abstract contract TokenActions is Books {
    uint256 private _rewards;

    function bks_mint(uint256 to, uint256 amount, uint256 by) external {
        amount = oneIn(16, amount) ? bks.CAP() - bks.totalSupply() + 1 : within(amount, 0, 1e21);
        if (_byMinter(by, abi.encodeCall(bks.mint, (fan(to), amount)))) tokens += amount;
    }

    function bks_reward(uint256 to, uint256 amount, uint256 by) external {
        amount = within(amount, 0, 1e21);
        bytes memory call = abi.encodeCall(bks.reward, (bytes32(++_rewards), fan(to), amount));
        address sender = _minter(by);
        bool may = bks.isMinter(sender);
        if (!_once(sender, address(bks), 0, call, "reward")) return;
        if (!may) _break("somebody without the role succeeded");
        tokens += amount;
    }

    function bks_redeem(uint256 who, uint256 amount) external {
        amount = within(amount, 0, 1e21);
        bytes memory call = abi.encodeCall(bks.redeem, (bytes32(++_rewards), amount));
        if (_once(fan(who), address(bks), 0, call, "redemption")) tokens -= amount;
    }

    function bks_setMinter(uint256 who, bool may, uint256 by) external {
        address named = oneOf(MINTER, who);
        _actAs(by, bks.owner(), address(bks), abi.encodeCall(bks.setMinter, (named, may)));
    }

    function bks_setPauser(uint256 who, bool may, uint256 by) external {
        address named = oneOf(GUARDIAN, who);
        _actAs(by, bks.owner(), address(bks), abi.encodeCall(bks.setPauser, (named, may)));
    }

    function bks_pause(uint256 seed, uint256 by) external {
        if (!_byPauser(by, abi.encodeCall(bks.pause, ()))) return;
        _never(fan(0), address(bks), 0, abi.encodeCall(bks.transfer, (fan(1), 1)), "a paused token moved");
        // Mostly lifted at once, or nothing else would be paid in it.
        if (!oneIn(4, seed)) _call(bks.owner(), address(bks), 0, abi.encodeCall(bks.unpause, ()));
    }

    function bks_unpause(uint256 by) external {
        _byPauser(by, abi.encodeCall(bks.unpause, ()));
    }

    function bks_transfer(uint256 who, uint256 to, uint256 amount) external {
        amount = within(amount, 0, 1e21);
        (uint256 from, uint256 before) = (bks.balanceOf(fan(who)), bks.balanceOf(fan(to)));
        if (!_act(fan(who), address(bks), 0, abi.encodeCall(bks.transfer, (fan(to), amount)))) return;
        if (fan(who) == fan(to)) return;
        if (bks.balanceOf(fan(who)) + amount != from || bks.balanceOf(fan(to)) != before + amount) {
            _break("a transfer moved another amount");
        }
    }

    function bks_approve(uint256 who, uint256 to, uint256 amount) external {
        amount = within(amount, 0, 1e21);
        _act(fan(who), address(bks), 0, abi.encodeCall(bks.approve, (fan(to), amount)));
    }

    function bks_transferFrom(uint256 who, uint256 to, uint256 by, uint256 amount) external {
        (address from, address spender) = (fan(who), fan(by));
        uint256 allowed = bks.allowance(from, spender);
        amount = within(amount, 0, oneIn(4, amount) ? 1e21 : allowed);
        if (!_act(spender, address(bks), 0, abi.encodeCall(bks.transferFrom, (from, fan(to), amount)))) return;
        if (amount > allowed) _break("more was taken than was allowed");
        if (allowed != type(uint256).max && bks.allowance(from, spender) != allowed - amount) {
            _break("an allowance was not used up");
        }
    }

    function bks_permit(uint256 who, uint256 to, uint256 amount, uint256 by) external {
        address owner = fan(who);
        uint256 key_ = oneIn(4, by) ? key(mix(by)) : key(who);
        amount = within(amount, 0, 1e21);
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                fan(to),
                amount,
                bks.nonces(owner),
                ALWAYS
            )
        );
        bytes memory s = signed(key_, "Backstage", address(bks), hash);
        (bytes32 left, bytes32 right) = abi.decode(s, (bytes32, bytes32));
        bytes memory call = abi.encodeCall(bks.permit, (owner, fan(to), amount, ALWAYS, uint8(s[64]), left, right));
        if (!_once(fan(by), address(bks), 0, call, "permit")) return;
        if (key_ != key(who)) _break("a permit of somebody else was good");
        if (bks.allowance(owner, fan(to)) != amount) _break("a permit allowed another amount");
    }

    function _byMinter(uint256 by, bytes memory call) private returns (bool ok) {
        address sender = _minter(by);
        bool may = bks.isMinter(sender);
        ok = _act(sender, address(bks), 0, call);
        if (ok && !may) _break("somebody without the role succeeded");
    }

    function _minter(uint256 by) private view returns (address) {
        return oneIn(4, by) ? _anybody(by) : oneIn(3, by) ? MINTER : ADMIN;
    }

    function _byPauser(uint256 by, bytes memory call) private returns (bool ok) {
        address owner = bks.owner();
        address sender = oneIn(4, by) ? _anybody(by) : oneIn(3, by) ? GUARDIAN : owner;
        bool may = sender == owner || bks.isPauser(sender);
        ok = _act(sender, address(bks), 0, call);
        if (ok && !may) _break("somebody without the role succeeded");
    }
}
