// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBoxOffice} from "../../contracts/interfaces/IBoxOffice.sol";
import {ITicketCollection} from "../../contracts/interfaces/ITicketCollection.sol";
import {Permit} from "../../contracts/libraries/Payments.sol";
import {Books} from "./Books.sol";

/// @title How tickets come to be and end: batches, single mints, sales at the box office, claims, burning.
abstract contract MintActions is Books {
    bytes32 private constant _QUOTE = keccak256(
        "TicketQuote(bytes32 id,address buyer,uint16 tier,uint16 quantity,address currency,uint256 price,uint256 fee,uint64 deadline)"
    );
    bytes32 private constant _PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function collection_mintBatch(uint256 n, uint256 to, uint16 tier, uint256 by) public {
        address[] memory who = holders();
        uint256 odd = n ^ by;
        n = within(n, 1, 4);
        tier = uint16(within(tier, 1, 2));
        bytes memory entries;
        for (uint256 i; i < n; ++i) {
            entries = bytes.concat(entries, bytes20(who[(to % 64 + i) % who.length]), bytes2(tier));
        }
        uint64 number = collection.nextBatch() + (oneIn(16, odd) ? 1 : 0);
        bytes memory call = abi.encodeCall(collection.mintBatch, (number, entries));
        if (!_byMinter(by, number, call)) return;
        for (uint256 i; i < n; ++i) {
            _minted((uint256(number) << 16) | i, who[(to % 64 + i) % who.length], tier, false);
        }
    }

    function collection_cancelBatch(uint256 by) external {
        uint64 number = collection.nextBatch();
        _byMinter(by, number, abi.encodeCall(collection.cancelBatch, (number)));
    }

    function collection_safeMint(uint256 to, uint256 by) external {
        uint256 id = (1 << 52) | (1 << 51) | ids.length;
        address who = holders()[to % (FANS + 2)];
        if (!_actAs(by, collection.minter(), address(collection), abi.encodeCall(collection.safeMint, (who, "")))) {
            return;
        }
        _minted(id, who, 0, false);
    }

    function collection_buy(uint256 who, uint256 n, bool native, uint256 price, uint256 fee) external {
        _buy(who, n, native ? address(0) : address(bks), price, fee, false);
    }

    function collection_buy_with_permit(uint256 who, uint256 n, uint256 price, uint256 fee) external {
        _buy(who, n, address(bks), price, fee, true);
    }

    function collection_claim(uint256 which, uint256 to, uint256 by) external {
        ITicketCollection.Claim memory c;
        c.tokenId = _pick(which, LIVE, true);
        c.recipient = fan(to);
        c.epoch = book[c.tokenId].epoch + (oneIn(8, to) ? 1 : 0);
        (c.deadline, c.nonce) = (ALWAYS, bytes32(++nonces));
        address right = collection.claimSigner();
        address signedBy = oneIn(8, by) ? _anybody(by) : right;
        bytes memory call = abi.encodeCall(
            collection.claim, (c, _forClaim(signedBy, "Voucher", c), _forClaim(c.recipient, "Acceptance", c))
        );
        bool was = book[c.tokenId].holder == address(collection) && c.epoch == book[c.tokenId].epoch;
        if (!_once(people[by % people.length], address(collection), 0, call, "voucher")) return;
        if (signedBy != right) _break("a voucher of somebody else was good");
        if (!was) _break("a ticket was claimed that is not in escrow at this epoch");
        _moved(c.tokenId, c.recipient, false);
    }

    function collection_burn(uint256 which, uint256 by) external {
        uint256 id = _pick(which, VOID, oneIn(7, which));
        address right = collection.operator();
        if (!_actAs(by, right, address(collection), abi.encodeCall(collection.burn, (id)))) return;
        if (book[id].status != VOID || book[id].isBurnt) _break("a ticket was burnt that was not void");
        --held[book[id].holder];
        book[id].isBurnt = true;
        ++burns;
        _compare(id);
    }

    /// @dev A batch number is used once, and only by the minter.
    function _byMinter(uint256 by, uint64 number, bytes memory call) private returns (bool) {
        address right = collection.minter();
        address sender = oneIn(4, by) ? _anybody(by) : right;
        uint64 expected = collection.nextBatch();
        if (!_once(sender, address(collection), 0, call, "batch number")) return false;
        if (sender != right) _break("somebody without the role succeeded");
        if (number != expected) _break("a batch came out of order");
        return true;
    }

    function _buy(uint256 who, uint256 n, address currency, uint256 price, uint256 fee, bool byPermit) private {
        IBoxOffice.Quote memory q;
        (q.id, q.buyer, q.tier, q.currency, q.deadline) =
        (bytes32(++nonces), fan(who), uint16(1 + who % 2), currency, ALWAYS);
        q.quantity = uint16(within(n, 1, 3));
        q.price = within(price, 0, 1e20);
        q.fee = within(fee, 0, q.price);
        address right = collection.quoteSigner();
        address signedBy = oneIn(8, n) ? _anybody(n) : right;
        bytes memory signature =
            signed(keyOf(signedBy), "Backstage Tickets", address(collection), keccak256(abi.encode(_QUOTE, q)));
        Permit memory p = byPermit ? _permit(q.buyer, address(collection), q.price) : none();
        uint256[] memory before = _wealth(currency);
        bytes memory call = abi.encodeCall(collection.buy, (q, signature, p));
        bool ok = _once(q.buyer, address(collection), currency == address(0) ? q.price : 0, call, "quote");
        if (byPermit) _allowAgain(q.buyer, address(collection));
        if (!ok) return;
        if (signedBy != right) _break("a quote of somebody else was good");
        uint256 first = abi.decode(answer, (uint256));
        for (uint256 i; i < q.quantity; ++i) {
            _minted(first + i, q.buyer, q.tier, true);
        }
        uint256[] memory now_ = _wealth(currency);
        for (uint256 i; i < now_.length; ++i) {
            if (now_[i] + (moneyed[i] == q.buyer ? q.price : 0) != before[i]) _break("the buyer paid another price");
        }
    }

    function _forClaim(address by, string memory what, ITicketCollection.Claim memory c)
        private
        view
        returns (bytes memory)
    {
        bytes memory kind = bytes.concat(
            "Claim", bytes(what), "(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
        );
        return signed(keyOf(by), "Backstage Tickets", address(collection), keccak256(abi.encode(keccak256(kind), c)));
    }

    /// @dev A permit for exactly this; the standing allowance is taken back, so that only the permit can pay.
    function _permit(address owner, address spender, uint256 value) internal returns (Permit memory p) {
        _call(owner, address(bks), 0, abi.encodeCall(bks.approve, (spender, 0)));
        bytes32 hash = keccak256(abi.encode(_PERMIT, owner, spender, value, bks.nonces(owner), ALWAYS));
        bytes memory s = signed(keyOf(owner), "Backstage", address(bks), hash);
        (p.value, p.deadline, p.v) = (value, ALWAYS, uint8(s[64]));
        assembly ("memory-safe") {
            mstore(add(p, 0x60), mload(add(s, 0x20)))
            mstore(add(p, 0x80), mload(add(s, 0x40)))
        }
    }

    function _allowAgain(address owner, address spender) internal {
        _call(owner, address(bks), 0, abi.encodeCall(bks.approve, (spender, type(uint256).max)));
    }
}
