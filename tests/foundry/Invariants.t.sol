// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BKS} from "../../contracts/BKS.sol";
import {ResaleMarket} from "../../contracts/ResaleMarket.sol";
import {TicketCollection} from "../../contracts/TicketCollection.sol";
import {Cheats} from "./Cheats.sol";
import {Handler} from "./Handler.sol";

/// @title What holds after anything anybody does.
abstract contract Invariants is Cheats {
    Handler internal handler;
    BKS internal bks;
    TicketCollection internal collection;
    ResaleMarket internal market;

    function currency() internal pure virtual returns (address);

    function setUp() public {
        handler = new Handler(currency());
        (address b, address c, address m) = handler.parts();
        (bks, collection, market) = (BKS(b), TicketCollection(c), ResaleMarket(m));
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_no_promise_was_broken() public view {
        string memory broken = handler.broken();
        isTrue(bytes(broken).length == 0, broken);
    }

    function invariant_supply_is_minted_less_burnt_and_below_the_cap() public view {
        equal(collection.totalMinted(), handler.count(), "minted");
        equal(collection.totalSupply(), handler.count() - handler.burns(), "supply");
        isTrue(collection.totalMinted() <= collection.maxSupply(), "above the cap");
    }

    function invariant_every_ticket_has_one_known_owner_and_balances_sum_to_the_supply() public view {
        address[] memory who = handler.holders();
        uint256 sum;
        for (uint256 i; i < who.length; ++i) {
            uint256 owned;
            for (uint256 j; j < handler.count(); ++j) {
                uint256 id = handler.ids(j);
                if (!handler.burnt(id) && collection.ownerOf(id) == who[i]) ++owned;
            }
            equal(collection.balanceOf(who[i]), owned, "balance");
            sum += owned;
        }
        equal(sum, collection.totalSupply(), "sum of balances");
    }

    function invariant_money_in_is_money_out() public view {
        address[2] memory currencies = [address(0), address(bks)];
        for (uint256 i; i < 2; ++i) {
            address c = currencies[i];
            (uint256 promoter, uint256 platform) = collection.due(c);
            equal(_held(c, address(collection)), promoter + platform, "due");
            uint256 owed = c == collection.resaleCurrency() ? market.buybackFund(address(collection)) : 0;
            address[] memory who = handler.moneyed();
            for (uint256 j; j < who.length; ++j) {
                owed += market.creditOf(who[j], c);
            }
            equal(_held(c, address(market)), owed, "market");
        }
    }

    function _held(address c, address who) private view returns (uint256) {
        return c == address(0) ? who.balance : bks.balanceOf(who);
    }
}

/// @title Tickets sold on for the native coin.
contract NativeInvariants is Invariants {
    function currency() internal pure override returns (address) {
        return address(0);
    }
}

/// @title Tickets sold on for BKS.
contract TokenInvariants is Invariants {
    function currency() internal pure override returns (address) {
        return address(1);
    }
}
