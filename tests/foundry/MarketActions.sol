// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IResaleMarket} from "../../contracts/interfaces/IResaleMarket.sol";
import {Permit} from "../../contracts/libraries/Payments.sol";
import {MintActions} from "./MintActions.sol";

/// @title What happens in the market: listings alone and in trees, offers, sell-backs, and the money that waits there.
abstract contract MarketActions is MintActions {
    string private constant _DOMAIN = "Backstage Market";

    /// @dev From when on the quote signer's word buys a ticket back again.
    mapping(uint256 id => uint256) private _rested;

    function market_buy(uint256 which, uint256 to, uint256 price, uint256 by) external {
        IResaleMarket.Listing memory l = _listing(which, price);
        bytes memory call = abi.encodeCall(
            market.buy, (l, _sign(_signer(by, l.seller), market.hashListing(l)), _alone(), l.price, none())
        );
        _trade(l, fan(to), by, call);
    }

    function market_buy_with_permit(uint256 which, uint256 to, uint256 price, uint256 by) external {
        IResaleMarket.Listing memory l = _listing(which, price);
        bytes memory s = _sign(_signer(by, l.seller), market.hashListing(l));
        Permit memory p = _permit(fan(to), address(market), l.price);
        bytes memory call = abi.encodeCall(market.buy, (l, s, _alone(), l.price, p));
        if (l.currency == address(0)) _skip(); // nothing to permit
        else _trade(l, fan(to), by, call);
        _allowAgain(fan(to), address(market));
    }

    /// @notice One signature over four listings; this one is a leaf.
    function market_buy_from_a_tree(uint256 which, uint256 to, uint256 price, uint256 by) external {
        IResaleMarket.Listing memory l = _listing(which, price);
        bytes32[] memory proof = new bytes32[](2);
        (proof[0], proof[1]) = (keccak256(abi.encode(which)), keccak256(abi.encode(price)));
        bytes32 root = _pair(_pair(market.hashListing(l), proof[0]), proof[1]);
        bytes memory s =
            _sign(_signer(by, l.seller), keccak256(abi.encode(keccak256("ListingTree(bytes32 root)"), root)));
        uint256 value = l.currency == address(0) ? l.price : 0;
        IResaleMarket.Listing memory another = abi.decode(abi.encode(l), (IResaleMarket.Listing));
        another.nonce = bytes32(++nonces);
        _never(
            fan(to),
            address(market),
            value,
            abi.encodeCall(market.buy, (another, s, proof, l.price, none())),
            "a listing outside the tree was sold"
        );
        _trade(l, fan(to), by, abi.encodeCall(market.buy, (l, s, proof, l.price, none())));
    }

    function market_acceptOffer(uint256 which, uint256 who, uint256 price, uint256 by) external {
        _accept(which, who, price, by, false);
    }

    function market_acceptOffer_with_permit(uint256 which, uint256 who, uint256 price, uint256 by) external {
        _accept(which, who, price, by, true);
        _allowAgain(fan(who), address(market));
    }

    function _accept(uint256 which, uint256 who, uint256 price, uint256 by, bool byPermit) private {
        IResaleMarket.Offer memory o;
        (o.collection, o.tokenId, o.buyer) = (address(collection), _pick(which, LIVE, false), fan(who));
        (o.epoch, o.currency, o.price) = (book[o.tokenId].epoch, collection.resaleCurrency(), within(price, 0, 12e17));
        (o.expiry, o.counter, o.nonce) = (ALWAYS, market.counterOf(o.buyer), bytes32(++nonces));
        address sender = oneIn(9, by) ? fan(mix(by)) : _personOf(o.tokenId);
        address signedBy = _signer(by, o.buyer);
        Deal memory d = Deal(o.tokenId, o.currency, book[o.tokenId].holder, o.buyer, o.price);
        uint256[] memory before = _wealth(d.currency);
        Permit memory p = byPermit ? _permit(o.buyer, address(market), o.price) : none();
        bytes memory call = abi.encodeCall(market.acceptOffer, (o, _sign(signedBy, market.hashOffer(o)), 0, p));
        if (!_once(sender, address(market), 0, call, "offer")) return;
        if (sender != d.seller) _break("somebody else accepted an offer");
        if (signedBy != d.buyer) _break("an offer of somebody else was good");
        if (d.seller == d.buyer) _break("an offer was accepted by who made it");
        _checkSale(d, before);
        _moved(d.id, d.buyer, false);
    }

    function market_sellBack(uint256 which, uint256 next, uint256 by) external {
        IResaleMarket.Turn memory t;
        (t.collection, t.tokenId, t.next, t.deadline) =
        (address(collection), _pick(which, LIVE, false), fan(next), ALWAYS);
        (t.seller, t.epoch) = (book[t.tokenId].holder, book[t.tokenId].epoch);
        t.price = market.buybackPrice(address(collection), book[t.tokenId].tier);
        address right = collection.quoteSigner();
        address signedBy = _signer(by, right);
        Deal memory d = Deal(t.tokenId, collection.resaleCurrency(), t.seller, t.next, t.price);
        uint256 fund = market.buybackFund(address(collection));
        uint256[] memory before = _wealth(d.currency);
        bytes memory call = abi.encodeCall(market.sellBack, (t, _sign(signedBy, market.hashTurn(t))));
        if (!_once(_personOf(t.tokenId), address(market), 0, call, "turn")) return;
        if (signedBy != right) _break("a turn of somebody else was good");
        if (t.seller == t.next) _break("a ticket was bought back for its own holder");
        if (collection.paused() & 1 != 0) _break("a ticket was bought back while SALE was paused");
        if (block.timestamp < _rested[t.tokenId]) _break("a ticket was bought back twice within a day");
        _rested[t.tokenId] = block.timestamp + 1 days;
        if (fund - market.buybackFund(address(collection)) != t.price) _break("a buy-back was not paid by the fund");
        uint256[] memory now_ = _wealth(d.currency);
        for (uint256 i; i < now_.length; ++i) {
            if (now_[i] != before[i] + (moneyed[i] == d.seller ? d.price : 0)) _break("a buy-back paid another price");
        }
        _moved(d.id, d.buyer, false);
    }

    // ---- taking back

    function market_cancel(uint256 which, uint256 to, uint256 by) external {
        IResaleMarket.Listing memory l = _listing(which, 1e17);
        bytes32[] memory one = new bytes32[](1);
        one[0] = market.hashListing(l);
        address sender = oneIn(4, by) ? fan(mix(by)) : l.seller; // another's hash does nothing
        if (!_act(sender, address(market), 0, abi.encodeCall(market.cancel, (one)))) return;
        if (market.isCancelled(l.seller, one[0]) != (sender == l.seller)) _break("a listing was withdrawn by another");
        if (sender == l.seller) _mustFail(l, fan(to), "a withdrawn listing was sold");
    }

    function market_cancelAll(uint256 which, uint256 to) external {
        IResaleMarket.Listing memory l = _listing(which, 1e17);
        if (!_act(l.seller, address(market), 0, abi.encodeCall(market.cancelAll, ()))) return;
        _mustFail(l, fan(to), "a listing of an old counter was sold");
    }

    // ---- buy-back and money

    function market_setBuybackPrice(uint16 tier, uint256 price, uint256 by) external {
        bytes memory call = abi.encodeCall(
            market.setBuybackPrice, (address(collection), uint16(within(tier, 1, 2)), within(price, 0, 9e17))
        );
        _actAs(by, collection.owner(), address(market), call);
    }

    function market_fundBuyback(uint256 who, uint256 amount) external {
        amount = within(amount, 0, 3e18);
        _fund(who % 2 == 0 ? PROMOTER : fan(who), amount, none());
    }

    function market_fundBuyback_with_permit(uint256 who, uint256 amount) external {
        amount = within(amount, 0, 3e18);
        _fund(fan(who), amount, _permit(fan(who), address(market), amount));
        _allowAgain(fan(who), address(market));
    }

    function market_withdrawBuyback(uint256 amount, uint256 by) external {
        uint256 fund = market.buybackFund(address(collection));
        amount = oneIn(8, amount) ? fund + 1 : within(amount, 0, fund);
        bytes memory call = abi.encodeCall(market.withdrawBuyback, (address(collection), amount, TREASURY));
        if (!_actAs(by, collection.owner(), address(market), call)) return;
        if (amount > fund) _break("more left the fund than was in it");
    }

    function market_withdraw(uint256 who, uint256 to) external {
        address currency = collection.resaleCurrency();
        address sender = moneyed[who % moneyed.length];
        for (uint256 i; i < moneyed.length && market.creditOf(sender, currency) == 0; ++i) {
            sender = moneyed[(who % 64 + i) % moneyed.length];
        }
        uint256 owed = market.creditOf(sender, currency);
        address payee = oneIn(8, to) ? grump : TREASURY;
        uint256 before = _held(currency, payee);
        if (!_act(sender, address(market), 0, abi.encodeCall(market.withdraw, (currency, payee)))) return;
        if (owed == 0 || _held(currency, payee) != before + owed) _break("a credit was paid that is not owed");
        if (market.creditOf(sender, currency) != 0) _break("a credit was paid and stands");
    }

    function market_setFee(uint256 receiver, uint16 bps, uint256 by) external {
        address to = receiver % 3 == 0 ? grump : receiver % 3 == 1 ? FEES : other(FEES);
        bps = uint16(within(bps, 0, oneIn(8, bps) ? 1100 : 1000));
        if (!_actAs(by, market.owner(), address(market), abi.encodeCall(market.setFee, (to, bps)))) return;
        if (bps > 1000) _break("a fee above its bound was taken");
        feeBps = bps;
    }

    // ---- within

    function _fund(address who, uint256 amount, Permit memory p) private {
        uint256 value = collection.resaleCurrency() == address(0) ? amount : 0;
        bytes memory call = abi.encodeCall(market.fundBuyback, (address(collection), amount, p));
        uint256 before = market.buybackFund(address(collection));
        if (!_act(who, address(market), value, call)) return;
        if (market.buybackFund(address(collection)) != before + amount) {
            _break("the fund did not grow by what was paid");
        }
    }

    function _listing(uint256 which, uint256 price) private returns (IResaleMarket.Listing memory l) {
        (l.collection, l.tokenId) = (address(collection), _pick(which, LIVE, false));
        (l.seller, l.epoch) = (_personOf(l.tokenId), book[l.tokenId].epoch);
        l.currency = oneIn(16, which) ? (oneIn(2, which) ? address(0) : address(bks)) : collection.resaleCurrency();
        l.price = within(price, 0, 12e17);
        (l.expiry, l.maxRoyaltyBps, l.maxFeeBps) = (ALWAYS, 1000, 1000);
        (l.counter, l.nonce) = (market.counterOf(l.seller), bytes32(++nonces));
    }

    function _trade(IResaleMarket.Listing memory l, address buyer, uint256 by, bytes memory call) private {
        Deal memory d = Deal(l.tokenId, l.currency, l.seller, buyer, l.price);
        uint256[] memory before = _wealth(d.currency);
        if (!_once(buyer, address(market), d.currency == address(0) ? d.price : 0, call, "listing")) return;
        if (_signer(by, d.seller) != d.seller) _break("a listing of somebody else was good");
        if (d.seller != book[d.id].holder) _break("a listing of somebody who is not the holder was good");
        if (d.seller == buyer) _break("a listing was sold to its own seller");
        if (d.currency != collection.resaleCurrency()) _break("a ticket was sold for another currency");
        _checkSale(d, before);
        _moved(d.id, d.buyer, false);
    }

    function _mustFail(IResaleMarket.Listing memory l, address buyer, string memory what) private {
        bytes memory call =
            abi.encodeCall(market.buy, (l, _sign(l.seller, market.hashListing(l)), _alone(), l.price, none()));
        _never(buyer, address(market), l.currency == address(0) ? l.price : 0, call, what);
    }

    /// @dev Mostly the one whose signature is asked for.
    function _signer(uint256 by, address right) private view returns (address) {
        return oneIn(8, by) ? _anybody(by) : right;
    }

    function _sign(address by, bytes32 structHash) private view returns (bytes memory) {
        return signed(keyOf(by), _DOMAIN, address(market), structHash);
    }

    function _held(address currency, address who) private view returns (uint256) {
        return currency == address(0) ? who.balance : bks.balanceOf(who);
    }

    function _alone() private pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return keccak256(a < b ? abi.encode(a, b) : abi.encode(b, a));
    }
}
