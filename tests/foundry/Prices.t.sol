// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {IResaleMarket} from "../../contracts/interfaces/IResaleMarket.sol";
import {World} from "./World.sol";

/// @title Every price splits to the unit, whatever royalty and fee.
contract Prices is World {
    function setUp() public {
        build(address(1));
        ITicketRules.TierTerms[] memory terms = new ITicketRules.TierTerms[](1);
        terms[0] = ITicketRules.TierTerms(3, type(uint96).max, 1, 1);
        vm.prank(PROMOTER);
        collection.publishTiers(terms);
        vm.prank(MINTER);
        collection.mintBatch(1, bytes.concat(bytes20(fan(0)), bytes2(uint16(3))));
    }

    function testFuzz_seller_royalty_and_fee_are_the_price(uint256 price, uint256 royaltyBps, uint256 feeBps) external {
        uint256 id = 1 << 16;
        price = within(price, 0, 1e25);
        (royaltyBps, feeBps) = (within(royaltyBps, 0, 1000), within(feeBps, 0, 1000));
        vm.prank(PROMOTER);
        collection.setRoyalty(TREASURY, uint96(royaltyBps));
        vm.prank(ADMIN);
        market.setFee(FEES, uint16(feeBps));
        IResaleMarket.Listing memory l;
        (l.collection, l.tokenId, l.seller, l.currency, l.price) =
            (address(collection), id, fan(0), address(bks), price);
        (l.expiry, l.maxRoyaltyBps, l.maxFeeBps) = (ALWAYS, 1000, 1000);
        bytes memory s = signed(key(0), "Backstage Market", address(market), market.hashListing(l));
        (uint256 seller, uint256 buyer) = (bks.balanceOf(fan(0)), bks.balanceOf(fan(1)));
        vm.prank(fan(1));
        market.buy(l, s, new bytes32[](0), price, none());
        uint256 royalty = price * royaltyBps / 10_000;
        uint256 fee = price * feeBps / 10_000;
        equal(bks.balanceOf(TREASURY), royalty, "royalty");
        equal(bks.balanceOf(FEES), fee, "fee");
        equal(bks.balanceOf(fan(0)) - seller, price - royalty - fee, "proceeds");
        equal(buyer - bks.balanceOf(fan(1)), price, "paid");
        equal(bks.balanceOf(address(market)), 0, "left");
    }

    function testFuzz_no_price_above_the_cap_passes(uint96 face, uint64 paid, uint64 list, uint16 capBps, uint256 price)
        external
    {
        list = uint64(within(list, 1, type(uint64).max));
        paid = uint64(within(paid, 0, list));
        ITicketRules.TierTerms[] memory terms = new ITicketRules.TierTerms[](1);
        terms[0] = ITicketRules.TierTerms(4, face, paid, list);
        ITicketRules.Rules memory r = openRules();
        r.capBps = capBps;
        vm.startPrank(PROMOTER);
        collection.publishTiers(terms);
        collection.setRules(r);
        vm.stopPrank();
        vm.prank(MINTER);
        collection.mintBatch(2, bytes.concat(bytes20(fan(0)), bytes2(uint16(4))));
        uint256 cap = uint256(face) * paid * capBps / (uint256(list) * 10_000);
        equal(collection.capOf(2 << 16), cap, "cap");
        bool above = price > cap;
        vm.prank(address(market));
        if (above) vm.expectPartialRevert(ITicketRules.PriceAboveCap.selector);
        collection.marketMove(1, fan(0), fan(1), 2 << 16, 0, address(bks), price);
        isTrue(collection.ownerOf(2 << 16) == fan(above ? 0 : 1), "owner");
    }
}
