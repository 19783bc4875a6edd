// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cheats} from "./Cheats.sol";
import {Handler} from "./Handler.sol";
import {Collection, Factory, Market, Token} from "./Parts.sol";

/// @title What holds after anything anybody does.
/// @dev One invariant function: forge makes a campaign of calls for each, and these facts may as well share theirs.
abstract contract Invariants is Cheats {
    /// @dev Reading every ticket costs more than the call before it. What a call touched the handler compares at once; the
    ///      rest, which nothing should have touched, is compared every so many calls and at the end of each run.
    uint256 private constant _EVERY = 16;

    Handler internal handler;
    Token internal bks;
    Collection internal collection;
    Market internal market;
    Factory internal factory;

    function currency() internal pure virtual returns (address);

    function name() internal pure virtual returns (string memory);

    function setUp() public {
        handler = new Handler(currency());
        (address b, address c, address m, address f) = handler.parts();
        (bks, collection, market, factory) = (Token(b), Collection(c), Market(m), Factory(f));
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_every_promise_holds() public view {
        string memory broken = handler.broken();
        isTrue(bytes(broken).length == 0, broken);
        _supply();
        _balances();
        _money();
        if (handler.calls() % _EVERY == 0) _tickets();
    }

    /// @dev At the end of each run: the rest of the tickets, and a line of what was tried for the one who started us.
    function afterInvariant() public {
        _tickets();
        string memory folder = vm.envOr("BACKSTAGE_TALLIES", "");
        if (bytes(folder).length == 0) return;
        vm.writeLine(string.concat(folder, "/", name(), ".txt"), handler.tally());
    }

    /// @dev Supply is what was minted less what was burnt, and below the cap.
    function _supply() private view {
        equal(collection.totalMinted(), handler.count(), "minted");
        equal(collection.totalSupply(), handler.count() - handler.burns(), "supply");
        isTrue(collection.totalMinted() <= collection.maxSupply(), "above the cap");
    }

    /// @dev Balances are what was received less what was given, and sum to the supply.
    function _balances() private view {
        address[] memory who = handler.holders();
        uint256 sum;
        for (uint256 i; i < who.length; ++i) {
            uint256 balance = collection.balanceOf(who[i]);
            equal(balance, handler.held(who[i]), "balance");
            sum += balance;
        }
        equal(sum, collection.totalSupply(), "sum of balances");
    }

    /// @dev Every ticket has the one owner, the status and the epoch that what was done to it gave it.
    function _tickets() private view {
        uint256 count = handler.count();
        for (uint256 i; i < count; ++i) {
            isTrue(handler.matches(handler.ids(i)), "a ticket is not what was done to it");
        }
    }

    /// @dev Money in is money out: each contract holds what it owes, and none came or went anywhere else.
    function _money() private view {
        address[2] memory currencies = [address(0), address(bks)];
        address[] memory who = handler.accounts();
        for (uint256 i; i < 2; ++i) {
            address c = currencies[i];
            (uint256 promoter, uint256 platform) = collection.due(c);
            uint256 due = _held(c, address(collection));
            equal(due, promoter + platform, "the collection holds what is due");
            uint256 owed = c == collection.resaleCurrency() ? market.buybackFund(address(collection)) : 0;
            uint256 sum;
            for (uint256 j; j < who.length; ++j) {
                owed += market.creditOf(who[j], c);
                sum += _held(c, who[j]);
            }
            equal(_held(c, address(market)), owed, "the market holds what it owes");
            equal(sum + due + owed, c == address(0) ? 6e30 : handler.tokens(), "money came or went");
        }
        equal(bks.totalSupply(), handler.tokens(), "BKS supply");
        isTrue(bks.totalSupply() <= bks.CAP(), "BKS above its cap");
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

    function name() internal pure override returns (string memory) {
        return "native";
    }
}

/// @title Tickets sold on for BKS.
contract TokenInvariants is Invariants {
    function currency() internal pure override returns (address) {
        return address(1);
    }

    function name() internal pure override returns (string memory) {
        return "token";
    }
}
