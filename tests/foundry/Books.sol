// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {World} from "./World.sol";

/// @title The books that the handler keeps of its own, from what it did and never from what the contracts say.
/// @notice A broken promise is written into `broken` and never taken back: the invariants read it. The handler itself never
///         reverts (forge is told to count that as a violation): what a contract refused is counted, by function.
abstract contract Books is World {
    uint8 internal constant LIVE = 0;
    uint8 internal constant LOCKED = 1;
    uint8 internal constant USED = 2;
    uint8 internal constant VOID = 3;

    struct Ticket {
        address holder;
        uint8 status;
        uint32 epoch;
        uint16 tier;
        bool isBurnt;
        uint64 mintedAt; // zero for one that was bought
    }

    /// @dev A call that may work only once.
    struct Spent {
        address sender;
        address target;
        uint256 value;
        bytes call;
        string what;
    }

    uint256[] public ids;
    mapping(uint256 tokenId => Ticket) public book;
    uint256 public burns;
    mapping(address => uint256) public held;
    ITicketRules.Rules internal rules;
    uint16 internal royaltyBps = 500;
    address internal royaltyReceiver = PROMOTER;
    uint16 internal feeBps = 250;
    uint256 public tokens;
    string public broken;

    uint256 public calls;
    bytes4[] internal tried;
    mapping(bytes4 => uint256) internal done;
    mapping(bytes4 => uint256) internal refused;

    bytes internal answer;
    address[] internal people;
    address[] internal moneyed;
    uint256 internal nonces;
    Spent[] private _spent;
    uint256 private _spentCount;

    function _open() internal {
        rules = openRules();
        for (uint256 i; i < FANS; ++i) {
            people.push(fan(i));
            moneyed.push(fan(i));
        }
        for (uint256 i; i < SIGNERS; ++i) {
            people.push(signer(i));
        }
        address[8] memory roles = [ADMIN, PROMOTER, MINTER, OPERATOR, GUARDIAN, TREASURY, FEES, DEPLOYER];
        for (uint256 i; i < roles.length; ++i) {
            people.push(roles[i]);
            people.push(other(roles[i]));
        }
        people.push(grump);
        for (uint256 i = 1; i < 7; i += i == 1 ? 4 : 1) {
            moneyed.push(roles[i]);
            moneyed.push(other(roles[i]));
        }
        moneyed.push(grump);
        tokens = (FANS + 2) * TOKENS;
    }

    // ---- what the invariants ask

    function parts() external view returns (address, address, address, address) {
        return (address(bks), address(collection), address(market), address(factory));
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    /// @notice Everybody who can own a ticket.
    function holders() public view returns (address[] memory who) {
        who = new address[](FANS + 3);
        for (uint256 i; i < FANS; ++i) {
            who[i] = fan(i);
        }
        (who[FANS], who[FANS + 1], who[FANS + 2]) = (PROMOTER, other(PROMOTER), address(collection));
    }

    /// @notice Everybody who can own money, the contracts apart.
    function accounts() external view returns (address[] memory) {
        return moneyed;
    }

    /// @notice What was tried, as one line: function selector, how often it worked, how often it was refused.
    function tally() external view returns (string memory line) {
        for (uint256 i; i < tried.length; ++i) {
            bytes4 name = tried[i];
            line = string.concat(
                line,
                vm.toString(abi.encodePacked(name)),
                ":",
                vm.toString(done[name]),
                ":",
                vm.toString(refused[name]),
                " "
            );
        }
    }

    // ---- doing

    /// @dev The first broken promise is the one to look at: others may follow from it.
    function _break(string memory what) internal {
        if (bytes(broken).length == 0) broken = what;
    }

    /// @dev Makes the one call that the present function is about, and counts it.
    function _act(address sender, address target, uint256 value, bytes memory call) internal returns (bool ok) {
        if (sender == address(0)) return _skip(); // a role that nobody has
        (ok, answer) = _call(sender, target, value, call);
        _note(ok);
    }

    /// @dev Lets the one who may try it, and now and then somebody else, who must fail.
    function _actAs(uint256 by, address right, address target, bytes memory call) internal returns (bool ok) {
        return _actAsOne(by, right, right, target, call);
    }

    /// @dev The same where two may.
    function _actAsOne(uint256 by, address right, address also, address target, bytes memory call)
        internal
        returns (bool ok)
    {
        address sender = oneIn(4, by) ? _anybody(by) : oneIn(2, by) ? also : right;
        ok = _act(sender, target, 0, call);
        if (ok && sender != right && sender != also) _break("somebody without the role succeeded");
    }

    /// @dev Something that works once: it is tried again at once, and later by `replay`.
    function _once(address sender, address target, uint256 value, bytes memory call, string memory what)
        internal
        returns (bool ok)
    {
        if (!_act(sender, target, value, call)) return false;
        bytes memory kept = answer;
        _repeat(Spent(sender, target, value, call, what));
        answer = kept;
        if (_spent.length < 16) _spent.push(Spent(sender, target, value, call, what));
        else _spent[_spentCount % 16] = Spent(sender, target, value, call, what);
        ++_spentCount;
        return true;
    }

    /// @notice Tries again what was used up before.
    function replay(uint256 which) external {
        if (_spent.length == 0) return _pass();
        _repeat(_spent[which % _spent.length]);
        _note(true);
    }

    function _repeat(Spent memory s) private {
        (bool ok,) = _call(s.sender, s.target, s.value, s.call);
        if (ok) _break(string.concat("used twice: ", s.what));
    }

    function _call(address sender, address target, uint256 value, bytes memory call)
        internal
        returns (bool ok, bytes memory result)
    {
        vm.prank(sender);
        (ok, result) = target.call{value: value}(call);
    }

    /// @dev Nobody may do this, whatever happened before.
    function _never(address sender, address target, uint256 value, bytes memory call, string memory what) internal {
        (bool ok,) = _call(sender, target, value, call);
        if (ok) _break(what);
    }

    function _note(bool ok) internal {
        ++calls;
        if (done[msg.sig] + refused[msg.sig] == 0) tried.push(msg.sig);
        if (ok) ++done[msg.sig];
        else ++refused[msg.sig];
    }

    /// @dev There is nothing to do it with.
    function _skip() internal returns (bool) {
        _note(false);
        return false;
    }

    function _pass() internal {
        _note(false);
    }

    // ---- tickets

    function _minted(uint256 id, address to, uint16 tier, bool isBought) internal {
        ids.push(id);
        if (book[id].holder != address(0)) _break("a token id was minted twice");
        book[id] = Ticket(to, LIVE, 0, tier, false, isBought ? 0 : uint64(block.timestamp));
        ++held[to];
        _compare(id);
    }

    /// @dev A ticket was moved; kind RECOVERY frees a locked one.
    function _moved(uint256 id, address to, bool isRecovery) internal {
        Ticket storage t = book[id];
        if (t.isBurnt) _break("a burnt ticket moved");
        if (t.status != (isRecovery ? LOCKED : LIVE)) _break("a ticket moved that is used, locked or void");
        --held[t.holder];
        ++held[to];
        (t.holder, t.status) = (to, LIVE);
        ++t.epoch;
        if (collection.getApproved(id) != address(0)) _break("an approval outlived a move");
        _compare(id);
    }

    /// @dev The collection says of a ticket what our book says.
    function _compare(uint256 id) internal {
        if (!matches(id)) _break("a ticket is not what was done to it");
    }

    function matches(uint256 id) public view returns (bool) {
        Ticket storage t = book[id];
        try collection.ticket(id) returns (address holder, uint16 tier, uint8 status, uint32 epoch) {
            return !t.isBurnt && holder == t.holder && tier == t.tier && status == t.status && epoch == t.epoch;
        } catch {
            return t.isBurnt;
        }
    }

    /// @dev Mostly a ticket of this status, with a person or in escrow; now and then any.
    function _pick(uint256 seed, uint8 status, bool inEscrow) internal view returns (uint256) {
        uint256 n = ids.length;
        uint256 first = mix(seed) % n;
        for (uint256 i; i < n && !oneIn(8, seed); ++i) {
            uint256 id = ids[(first + i) % n];
            Ticket storage t = book[id];
            if (!t.isBurnt && t.status == status && (t.holder == address(collection)) == inEscrow) return id;
        }
        return ids[first];
    }

    /// @dev Who can act for the holder: nobody acts as the collection, which holds what is in escrow.
    function _personOf(uint256 id) internal view returns (address holder) {
        holder = book[id].holder;
        if (holder == address(collection)) holder = fan(id);
    }

    function _anybody(uint256 seed) internal view returns (address) {
        return people[mix(seed) % people.length];
    }

    /// @dev The resale cap by the terms that the world published (tiers 1 and 2 of World.params).
    function _capOf(uint256 id) internal view returns (uint256) {
        uint16 tier = book[id].tier;
        uint256 paid = tier == 1 ? 1e18 : tier == 2 ? 15e17 : 0;
        return paid * rules.capBps / 10_000;
    }

    // ---- money

    struct Deal {
        uint256 id;
        address currency;
        address seller;
        address buyer;
        uint256 price;
    }

    /// @dev What everybody has in a currency, with what waits for them in the market.
    function _wealth(address currency) internal view returns (uint256[] memory all) {
        all = new uint256[](moneyed.length);
        for (uint256 i; i < all.length; ++i) {
            address who = moneyed[i];
            all[i] = (currency == address(0) ? who.balance : bks.balanceOf(who)) + market.creditOf(who, currency);
        }
    }

    /// @dev Of a sale: seller, royalty and fee got the price, by the rates in our books, and nobody else anything.
    function _checkSale(Deal memory d, uint256[] memory before) internal {
        if (!rules.resale) _break("a ticket was sold while resale is off");
        uint64 mintedAt = book[d.id].mintedAt;
        if (mintedAt != 0 && block.timestamp < mintedAt + rules.resaleHold) _break("a ticket was sold while held");
        if (d.price > _capOf(d.id)) _break("a ticket was sold above its cap");
        uint256 royalty = d.price * royaltyBps / 10_000;
        uint256 fee = d.price * feeBps / 10_000;
        uint256[] memory now_ = _wealth(d.currency);
        address feeReceiver = market.feeReceiver();
        for (uint256 i; i < now_.length; ++i) {
            address who = moneyed[i];
            uint256 expected = before[i];
            if (who == d.seller) expected += d.price - royalty - fee;
            if (who == royaltyReceiver) expected += royalty;
            if (who == feeReceiver) expected += fee;
            if (who == d.buyer) expected -= d.price;
            if (now_[i] != expected) _break("seller, royalty and fee are not the price");
        }
    }
}
