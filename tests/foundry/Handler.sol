// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBoxOffice} from "../../contracts/interfaces/IBoxOffice.sol";
import {IResaleMarket} from "../../contracts/interfaces/IResaleMarket.sol";
import {ITicketCollection} from "../../contracts/interfaces/ITicketCollection.sol";
import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {IERC7439} from "../../contracts/interfaces/IERC7439.sol";
import {World} from "./World.sol";

/// @title Does everything that anybody can do, at random, and keeps books of its own.
/// @notice A broken promise is written into `broken` and never taken back: the invariants read it.
contract Handler is World {
    uint256[] public ids;
    mapping(uint256 => bool) public burnt;
    uint256 public burns;
    string public broken;

    uint256 private _quotes;
    uint256 private _nonces;

    constructor(address currency) {
        build(currency);
    }

    // ---- what the invariants ask

    function parts() external view returns (address, address, address) {
        return (address(bks), address(collection), address(market));
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    function holders() public view returns (address[] memory who) {
        who = new address[](FANS + 2);
        for (uint256 i; i < FANS; ++i) {
            who[i] = fan(i);
        }
        (who[FANS], who[FANS + 1]) = (PROMOTER, address(collection));
    }

    function moneyed() external view returns (address[] memory who) {
        who = new address[](FANS + 3);
        for (uint256 i; i < FANS; ++i) {
            who[i] = fan(i);
        }
        (who[FANS], who[FANS + 1], who[FANS + 2]) = (PROMOTER, FEES, TREASURY);
    }

    // ---- minting

    function mintBatch(uint256 n, uint256 to, uint16 tier) external {
        n = within(n, 1, 6);
        bytes memory entries;
        for (uint256 i; i < n; ++i) {
            entries = bytes.concat(entries, bytes20(_anyHolder(to + i)), bytes2(uint16(within(tier, 1, 2))));
        }
        uint64 number = collection.nextBatch();
        vm.prank(MINTER);
        collection.mintBatch(number, entries);
        for (uint256 i; i < n; ++i) {
            ids.push((uint256(number) << 16) | i);
        }
        vm.prank(MINTER);
        try collection.mintBatch(number, entries) {
            broken = "a batch number was used twice";
        } catch {}
    }

    function cancelBatch() external {
        uint64 number = collection.nextBatch();
        vm.prank(MINTER);
        collection.cancelBatch(number);
    }

    function safeMint(uint256 to) external {
        uint256 id = (1 << 52) | (1 << 51) | uint256(collection.totalMinted());
        vm.prank(MINTER);
        collection.safeMint(fan(to), "");
        ids.push(id);
    }

    function buyTickets(uint256 who, uint16 n, bool native, uint256 price, uint256 fee) external {
        IBoxOffice.Quote memory q;
        q.id = bytes32(++_quotes);
        q.buyer = fan(who);
        q.tier = 1;
        q.quantity = uint16(within(n, 1, 4));
        q.currency = native ? address(0) : address(bks);
        q.price = within(price, 0, 1e20);
        q.fee = within(fee, 0, q.price);
        q.deadline = ALWAYS;
        bytes memory s = signed(QUOTE_KEY, "Backstage Tickets", address(collection), keccak256(abi.encode(
            keccak256("TicketQuote(bytes32 id,address buyer,uint16 tier,uint16 quantity,address currency,uint256 price,uint256 fee,uint64 deadline)"), q
        )));
        uint256 value = native ? q.price : 0;
        vm.prank(q.buyer);
        uint256 first = collection.buy{value: value}(q, s, none());
        for (uint256 i; i < q.quantity; ++i) {
            ids.push(first + i);
        }
        vm.prank(q.buyer);
        try collection.buy{value: value}(q, s, none()) {
            broken = "a quote was used twice";
        } catch {}
    }

    function claim(uint256 which, uint256 to) external {
        ITicketCollection.Claim memory c;
        c.tokenId = _anyId(which);
        c.recipient = fan(to);
        (address holder,, uint8 status, uint32 epoch) = collection.ticket(c.tokenId);
        c.epoch = epoch;
        c.deadline = ALWAYS;
        bytes memory voucher = _claimSigned(CLAIM_KEY, "Voucher", c);
        bytes memory acceptance = _claimSigned(keyOf(c.recipient), "Acceptance", c);
        collection.claim(c, voucher, acceptance);
        if (holder != address(collection) || status != 0) broken = "a ticket was claimed that is not a live escrowed one";
        try collection.claim(c, voucher, acceptance) {
            broken = "a voucher was used twice";
        } catch {}
    }

    // ---- moving

    function give(uint256 which, uint256 to, uint256 by, bool safe) external {
        uint256 id = _anyId(which);
        (address holder,, uint8 status,) = collection.ticket(id);
        address mover = by % 3 == 0 ? fan(by) : _person(holder);
        bool may = mover == holder || collection.getApproved(id) == mover || collection.isApprovedForAll(holder, mover);
        vm.prank(mover);
        if (safe) collection.safeTransferFrom(holder, fan(to), id);
        else collection.transferFrom(holder, fan(to), id);
        if (status != 0) broken = "a ticket moved that is not live";
        if (!may) broken = "a stranger moved a ticket";
        if (collection.getApproved(id) != address(0)) broken = "an approval outlived a move";
    }

    function approve(uint256 which, uint256 to, bool all) external {
        uint256 id = _anyId(which);
        vm.prank(_person(collection.ownerOf(id)));
        if (all) collection.setApprovalForAll(fan(to), to % 2 == 0);
        else collection.approve(fan(to), id);
    }

    function sell(uint256 which, uint256 to, uint256 price) external payable {
        IResaleMarket.Listing memory l;
        (l.collection, l.tokenId) = (address(collection), _anyId(which));
        uint8 status;
        (l.seller,, status, l.epoch) = collection.ticket(l.tokenId);
        l.currency = collection.resaleCurrency();
        l.price = within(price, 0, 23e17);
        (l.expiry, l.maxRoyaltyBps, l.maxFeeBps) = (ALWAYS, 1000, 1000);
        (l.counter, l.nonce) = (market.counterOf(l.seller), bytes32(++_nonces));
        bytes memory s = signed(keyOf(l.seller), "Backstage Market", address(market), market.hashListing(l));
        address buyer = fan(to);
        uint256 cap = collection.capOf(l.tokenId);
        uint256 value = l.currency == address(0) ? l.price : 0;
        uint256[4] memory before = _money(l.currency, buyer, l.seller);
        vm.prank(buyer);
        market.buy{value: value}(l, s, new bytes32[](0), l.price, none());
        if (status != 0) broken = "a ticket was sold that is not live";
        if (l.price > cap) broken = "a ticket was sold above its cap";
        _checkSplit(l.currency, buyer, l.seller, l.price, before);
        vm.prank(buyer);
        try market.buy{value: value}(l, s, new bytes32[](0), l.price, none()) {
            broken = "a listing was used twice";
        } catch {}
    }

    function acceptOffer(uint256 which, uint256 by, uint256 price) external {
        IResaleMarket.Offer memory o;
        (o.collection, o.tokenId, o.buyer) = (address(collection), _anyId(which), fan(by));
        address seller;
        (seller,,, o.epoch) = collection.ticket(o.tokenId);
        o.currency = collection.resaleCurrency();
        o.price = within(price, 0, 23e17);
        (o.expiry, o.counter, o.nonce) = (ALWAYS, market.counterOf(o.buyer), bytes32(++_nonces));
        bytes memory s = signed(keyOf(o.buyer), "Backstage Market", address(market), market.hashOffer(o));
        uint256[4] memory before = _money(o.currency, o.buyer, seller);
        vm.prank(_person(seller));
        market.acceptOffer(o, s, 0, none());
        _checkSplit(o.currency, o.buyer, seller, o.price, before);
        vm.prank(o.buyer);
        try market.acceptOffer(o, s, 0, none()) {
            broken = "an offer was used twice";
        } catch {}
    }

    function sellBack(uint256 which, uint256 next) external {
        IResaleMarket.Turn memory t;
        (t.collection, t.tokenId, t.next, t.deadline) = (address(collection), _anyId(which), fan(next), ALWAYS);
        uint16 tier;
        (t.seller, tier,, t.epoch) = collection.ticket(t.tokenId);
        t.price = market.buybackPrice(address(collection), tier);
        bytes memory s = signed(QUOTE_KEY, "Backstage Market", address(market), market.hashTurn(t));
        vm.prank(_person(t.seller));
        market.sellBack(t, s);
        vm.prank(t.next);
        try market.sellBack(t, s) {
            broken = "a turn was used twice";
        } catch {}
    }

    function cancelAll(uint256 who) external {
        vm.prank(fan(who));
        market.cancelAll();
    }

    function issue(uint256 which, uint256 to) external {
        uint256[] memory one = new uint256[](1);
        address[] memory guest = new address[](1);
        (one[0], guest[0]) = (_anyId(which), fan(to));
        bool may = collection.ownerOf(one[0]) == PROMOTER;
        vm.prank(PROMOTER);
        collection.issue(one, guest);
        if (!may) broken = "the owner handed out a ticket it did not hold";
    }

    function recover(uint256 which, uint256 to, bool ask) external {
        uint256 id = _anyId(which);
        (,, uint8 status,) = collection.ticket(id);
        vm.startPrank(PROMOTER);
        if (ask) collection.requestRecovery(id, fan(to));
        else collection.recover(id);
        vm.stopPrank();
        if (status != 1) broken = "a ticket was recovered that was not locked";
    }

    // ---- the platform and the promoter

    function setStatus(uint256 which, uint8 status) external {
        uint256[] memory one = new uint256[](1);
        one[0] = _anyId(which);
        (,, uint8 before,) = collection.ticket(one[0]);
        vm.prank(OPERATOR);
        collection.setStatus(one, uint8(within(status, 0, 4)));
        if (before > 1) broken = "a used or void ticket came back";
    }

    function changeState(uint256 which, uint8 status) external {
        uint256 id = _anyId(which);
        vm.prank(OPERATOR);
        collection.changeState(id, "", IERC7439.TokenStatus(within(status, 0, 3)), 0);
    }

    function burn(uint256 which) external {
        uint256 id = _anyId(which);
        (,, uint8 status,) = collection.ticket(id);
        vm.prank(OPERATOR);
        collection.burn(id);
        if (status != 3) broken = "a ticket was burnt that was not void";
        burnt[id] = true;
        ++burns;
    }

    function setRules(bool resale, uint16 cap, uint8 gifts, uint32 coolOff, uint32 hold, uint32 limit) external {
        ITicketRules.Rules memory r = openRules();
        if (cap % 3 == 0) {
            (r.resale, r.capBps, r.giftLimit) = (resale, uint16(within(cap, 5000, 20_000)), gifts);
            (r.giftCoolOff, r.resaleHold, r.maxPerWallet) = (coolOff % 86_400, hold % 86_400, limit % 500);
        }
        vm.prank(PROMOTER);
        collection.setRules(r);
    }

    function pause(uint8 scopes) external {
        vm.prank(GUARDIAN);
        collection.setPaused(scopes % 4 == 0 ? scopes & 15 : 0);
    }

    function setTerms(uint96 royalty, uint16 fee, uint256 price) external {
        vm.startPrank(PROMOTER);
        collection.setRoyalty(PROMOTER, uint96(within(royalty, 0, 1000)));
        market.setBuybackPrice(address(collection), 1, within(price, 0, 1e18));
        vm.stopPrank();
        vm.prank(ADMIN);
        market.setFee(FEES, uint16(within(fee, 0, 1000)));
    }

    function fundBuyback(uint256 amount) external {
        amount = within(amount, 0, 1e19);
        uint256 value = collection.resaleCurrency() == address(0) ? amount : 0;
        vm.prank(PROMOTER);
        market.fundBuyback{value: value}(address(collection), amount, none());
    }

    function withdrawBuyback(uint256 amount) external {
        vm.prank(PROMOTER);
        market.withdrawBuyback(address(collection), within(amount, 0, 1e19), TREASURY);
    }

    function withdraw(bool native, bool fee) external {
        address currency = native ? address(0) : address(bks);
        if (fee) collection.withdrawFees(currency);
        else collection.withdraw(currency);
    }

    /// @notice Everybody tries what is not theirs.
    function trespass(uint256 who, uint256 what) external {
        address stranger = fan(who);
        bytes[9] memory calls = [
            abi.encodeCall(collection.setMinter, (stranger, 1)),
            abi.encodeCall(collection.rotateMinter, (stranger)),
            abi.encodeCall(collection.setOperator, (stranger)),
            abi.encodeCall(collection.setQuoteSigner, (stranger, 1)),
            abi.encodeCall(collection.setTreasury, (stranger)),
            abi.encodeCall(collection.setFeeReceiver, (stranger)),
            abi.encodeCall(collection.setRules, (openRules())),
            abi.encodeCall(collection.setPaused, (0)),
            abi.encodeCall(collection.marketMove, (1, stranger, stranger, 1 << 16, 0, address(0), 0))
        ];
        vm.prank(stranger);
        (bool ok,) = address(collection).call(calls[what % calls.length]);
        if (ok) broken = "a stranger passed a role";
    }

    function wait_(uint32 time) external {
        vm.warp(block.timestamp + within(time, 1, 3 days));
    }

    // ---- within

    function _anyId(uint256 seed) private view returns (uint256) {
        return ids[seed % ids.length];
    }

    /// @dev Nobody acts as the collection, which holds what is in escrow.
    function _person(address holder) private view returns (address) {
        isTrue(holder != address(collection), "in escrow");
        return holder;
    }

    function _anyHolder(uint256 seed) private view returns (address) {
        address[] memory who = holders();
        return who[seed % who.length];
    }

    function _claimSigned(uint256 signer, string memory what, ITicketCollection.Claim memory c)
        private
        view
        returns (bytes memory)
    {
        bytes memory kind = bytes.concat(
            "Claim", bytes(what), "(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
        );
        return signed(signer, "Backstage Tickets", address(collection), keccak256(abi.encode(keccak256(kind), c)));
    }

    function _balance(address currency, address who) private view returns (uint256) {
        return currency == address(0) ? who.balance : bks.balanceOf(who);
    }

    function _money(address currency, address buyer, address seller) private view returns (uint256[4] memory) {
        return [
            _balance(currency, buyer), _balance(currency, seller), _balance(currency, PROMOTER), _balance(currency, FEES)
        ];
    }

    /// @dev What left the buyer arrived at seller, royalty receiver and fee receiver.
    function _checkSplit(address currency, address buyer, address seller, uint256 price, uint256[4] memory before) private {
        uint256[4] memory now_ = _money(currency, buyer, seller);
        uint256 fee = now_[3] - before[3];
        uint256 royalty = seller == PROMOTER ? 0 : now_[2] - before[2];
        if (buyer == seller) {
            if (before[0] - now_[0] != royalty + fee) broken = "a sale to oneself cost more than royalty and fee";
            return;
        }
        if (before[0] - now_[0] != price) broken = "the buyer paid another price";
        if (now_[1] - before[1] + royalty + fee != price) broken = "seller, royalty and fee are not the price";
    }
}
