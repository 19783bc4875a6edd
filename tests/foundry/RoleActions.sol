// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {Books} from "./Books.sol";

/// @title What the promoter, the guardian and the platform set in a collection; who is owner of what; money taken out.
abstract contract RoleActions is Books {
    uint16 private _tiers = 2;
    bool private _isFrozen;

    function collection_setRules(uint256 seed, uint16 cap, uint8 gifts, uint32 coolOff, uint32 hold, uint256 by)
        external
    {
        ITicketRules.Rules memory r = openRules();
        if (oneIn(4, cap)) {
            (r.resale, r.capBps, r.giftLimit) = (oneIn(2, seed), uint16(within(cap, 5000, 20_000)), gifts % 4);
            (r.giftCoolOff, r.resaleHold) = (coolOff % 86_400, hold % 86_400);
            r.maxPerWallet = uint32(mix(seed) % 50);
            r.freezeAt = oneIn(4, seed) ? uint64(block.timestamp + mix(seed) % 1 days) : 0;
        }
        if (_byOwner(by, abi.encodeCall(collection.setRules, (r)))) rules = r;
    }

    function collection_publishTiers(uint256 tier, uint96 face, uint64 paid, uint64 list, uint256 by) external {
        ITicketRules.TierTerms[] memory terms = new ITicketRules.TierTerms[](1);
        uint16 number = oneIn(8, tier) ? 1 : _tiers + 1;
        terms[0] = ITicketRules.TierTerms(number, face, oneIn(16, paid) ? paid : uint64(within(paid, 0, list)), list);
        if (!_byOwner(by, abi.encodeCall(collection.publishTiers, (terms)))) return;
        if (number <= _tiers) _break("terms were published twice");
        if (terms[0].paid > list || list == 0) _break("terms were published that name no price");
        _tiers = number;
    }

    function collection_setPaused(uint8 scopes, uint256 by) external {
        bytes memory call = abi.encodeCall(collection.setPaused, (oneIn(6, scopes) ? scopes % 17 : 0));
        _byOwnerOrGuardian(by, call);
    }

    function collection_setRoyalty(uint256 receiver, uint16 bps, uint256 by) external {
        address to = receiver % 3 == 0 ? grump : receiver % 3 == 1 ? PROMOTER : TREASURY;
        bps = uint16(within(bps, 0, oneIn(8, bps) ? 1100 : 1000));
        if (!_byOwner(by, abi.encodeCall(collection.setRoyalty, (to, bps)))) return;
        if (bps > 1000) _break("a royalty above its bound was taken");
        (royaltyReceiver, royaltyBps) = (to, bps);
    }

    function collection_setReceiverCodeHash(uint256 seed, bool may, uint256 by) external {
        // Never the grump's: it takes no tickets, and what it was given it could not give on.
        _byOwner(by, abi.encodeCall(collection.setReceiverCodeHash, (keccak256(abi.encode(seed)), may)));
    }

    function collection_setBaseURI(uint256 by) external {
        if (_byOwner(by, abi.encodeCall(collection.setBaseURI, ("ipfs://y/"))) && _isFrozen) {
            _break("frozen metadata changed");
        }
    }

    function collection_freezeMetadata(uint256 seed, uint256 by) external {
        if (!oneIn(4, seed)) return _pass(); // it is once and for all: not too early
        if (!_byOwner(by, abi.encodeCall(collection.freezeMetadata, ()))) return;
        if (_isFrozen) _break("metadata was frozen twice");
        _isFrozen = true;
    }

    // ---- keys

    function collection_setMinter(uint256 to, uint64 allowance, uint256 by) external {
        _byOwner(by, abi.encodeCall(collection.setMinter, (oneOf(MINTER, to), uint64(within(allowance, 8, SUPPLY)))));
    }

    function collection_rotateMinter(uint256 to, uint256 by) external {
        uint64 before = collection.minterAllowance();
        bool ok = _byOwnerOrGuardian(by, abi.encodeCall(collection.rotateMinter, (oneOf(MINTER, to))));
        if (ok && collection.minterAllowance() != before) _break("rotating changed the allowance");
    }

    function collection_setMintsPerDay(uint32 perDay, uint256 by) external {
        _byOwner(by, abi.encodeCall(collection.setMintsPerDay, (uint32(within(perDay, 10, 200)))));
    }

    function collection_setClaimSigner(uint256 to, uint32 perDay, uint256 by) external {
        _byOwner(by, abi.encodeCall(collection.setClaimSigner, (signer(to), uint32(within(perDay, 5, 200)))));
    }

    function collection_rotateClaimSigner(uint256 to, uint256 by) external {
        _byOwnerOrGuardian(by, abi.encodeCall(collection.rotateClaimSigner, (signer(to))));
    }

    function collection_setQuoteSigner(uint256 to, uint32 perDay, uint256 by) external {
        _byOwner(by, abi.encodeCall(collection.setQuoteSigner, (signer(to), uint32(within(perDay, 5, 200)))));
    }

    function collection_rotateQuoteSigner(uint256 to, uint256 by) external {
        _byOwnerOrGuardian(by, abi.encodeCall(collection.rotateQuoteSigner, (signer(to))));
    }

    function collection_setOperator(uint256 to, uint256 by) external {
        address guardian = collection.guardian();
        address named = oneIn(8, to) ? address(0) : oneOf(OPERATOR, to);
        address owner = collection.owner();
        bytes memory call = abi.encodeCall(collection.setOperator, (named));
        // The guardian may take the role away, not give it.
        _actAsOne(by, owner, named == address(0) ? guardian : owner, address(collection), call);
        if (named != address(0)) {
            _never(guardian, address(collection), 0, call, "the guardian named an operator");
        }
    }

    function collection_setGuardian(uint256 to, uint256 by) external {
        _byOwner(by, abi.encodeCall(collection.setGuardian, (oneOf(GUARDIAN, to))));
    }

    function collection_setTreasury(uint256 to, uint256 by) external {
        address named = oneIn(8, to) ? grump : oneIn(7, to) ? address(0) : oneOf(TREASURY, to);
        _byOwner(by, abi.encodeCall(collection.setTreasury, (named)));
    }

    function collection_setFeeReceiver(uint256 to, uint256 by) external {
        bytes memory call = abi.encodeCall(collection.setFeeReceiver, (oneOf(FEES, to)));
        _actAs(by, collection.feeReceiver(), address(collection), call);
    }

    // ---- money out

    function collection_withdraw(bool native) external {
        _payOut(native, false, abi.encodeCall(collection.withdraw, (native ? address(0) : address(bks))));
    }

    function collection_withdrawFees(bool native) external {
        _payOut(native, true, abi.encodeCall(collection.withdrawFees, (native ? address(0) : address(bks))));
    }

    function _payOut(bool native, bool isFee, bytes memory call) private {
        address currency = native ? address(0) : address(bks);
        (uint256 promoter, uint256 platform) = collection.due(currency);
        address to = isFee ? collection.feeReceiver() : collection.treasury();
        uint256 before = native ? to.balance : bks.balanceOf(to);
        if (!_act(fan(0), address(collection), 0, call)) return;
        uint256 now_ = native ? to.balance : bks.balanceOf(to);
        if (now_ - before != (isFee ? platform : promoter)) _break("another share was paid out than is due");
        (uint256 left, uint256 leftToPlatform) = collection.due(currency);
        if ((isFee ? leftToPlatform : left) != 0) _break("a share was paid out and stands");
        if ((isFee ? left : leftToPlatform) != (isFee ? promoter : platform)) {
            _break("paying one share changed the other");
        }
    }

    // ---- within

    function _byOwner(uint256 by, bytes memory call) private returns (bool) {
        return _actAs(by, collection.owner(), address(collection), call);
    }

    function _byOwnerOrGuardian(uint256 by, bytes memory call) private returns (bool) {
        return _actAsOne(by, collection.owner(), collection.guardian(), address(collection), call);
    }
}
