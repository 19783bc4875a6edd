// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {ERC721} from "solady/src/tokens/ERC721.sol";
import {ITicketCollection} from "../interfaces/ITicketCollection.sol";
import {ITicketRules} from "../interfaces/ITicketRules.sol";
import {Accounts} from "../libraries/Accounts.sol";
import {Kind, Scope, Status} from "../libraries/Words.sol";
import {CollectionRoles} from "./CollectionRoles.sol";
import {TicketStore} from "./TicketStore.sol";

/// @title Who may move a ticket, to whom, when and for how much.
/// @notice One hook guards every move; what differs by its kind is here too.
abstract contract TicketRules is CollectionRoles, TicketStore {
    /// @notice Seconds between asking for a recovery and the move: time for the holder to refuse.
    uint64 public constant RECOVERY_DELAY = 2 days;

    /// @dev A gift limit of this much is none; the count of gifts stops here.
    uint8 private constant _UNLIMITED = type(uint8).max;
    uint256 private constant _BPS = 10_000;

    /// @dev A recovery that was asked for. One storage word. It stands from a lock to the next unlock, and in between
    ///      nothing but itself moves the ticket: it needs no epoch.
    struct Recovery {
        address to;
        uint64 readyAt;
    }

    Rules private _rules;
    mapping(uint16 tier => TierTerms) private _tiers;
    mapping(uint256 tokenId => Recovery) private _recoveries;
    /// @inheritdoc ITicketCollection
    mapping(bytes32 codeHash => bool allowed) public override isReceiverCodeHash;

    /// @inheritdoc ITicketRules
    address public override market;
    /// @inheritdoc ITicketRules
    address public override resaleCurrency;

    /// @dev Why the present move happens; GIFT unless an entry point of ours says otherwise. Lives for one transaction.
    uint8 private transient _kind;

    // ---- setting rules

    /// @inheritdoc ITicketRules
    function rules() external view override returns (Rules memory) {
        return _rules;
    }

    /// @inheritdoc ITicketRules
    function setRules(Rules memory rules_) external override onlyOwner {
        _setRules(rules_);
    }

    /// @inheritdoc ITicketRules
    function tierTerms(uint16 tier) external view override returns (TierTerms memory) {
        return _tiers[tier];
    }

    /// @inheritdoc ITicketRules
    function publishTiers(TierTerms[] calldata terms) external override onlyOwner {
        _publishTiers(terms);
    }

    /// @inheritdoc ITicketCollection
    function setReceiverCodeHash(bytes32 codeHash, bool allowed) external override onlyOwner {
        // The hash of an account that does not exist, and of one without code.
        if (codeHash == bytes32(0) || codeHash == keccak256("")) revert BadCodeHash();
        isReceiverCodeHash[codeHash] = allowed;
        emit ReceiverCodeHashChanged(codeHash, allowed);
    }

    // ---- asking

    /// @inheritdoc ITicketRules
    function capOf(uint256 tokenId) public view override returns (uint256) {
        (, uint16 tier,,) = _load(tokenId);
        TierTerms storage terms = _tiers[tier];
        (uint256 face, uint256 paid, uint256 list) = (terms.face, terms.paid, terms.list);
        if (list == 0) revert TierNotPublished(tier);
        // At most 96 + 64 + 16 bits.
        return face * paid * _rules.capBps / (list * _BPS);
    }

    /// @inheritdoc ITicketRules
    function resaleHeldUntil(uint256 tokenId) public view override returns (uint64) {
        _load(tokenId);
        uint32 minted = _mintTime(tokenId);
        return minted == 0 ? 0 : uint64(minted) + _rules.resaleHold;
    }

    /// @inheritdoc ITicketRules
    function giftState(uint256 tokenId) external view override returns (uint8 gifts, uint32 movedAt) {
        _load(tokenId);
        return _moves(tokenId);
    }

    // ---- moves that are no gifts

    /// @inheritdoc ITicketRules
    function marketMove(
        uint8 kind,
        address from,
        address to,
        uint256 tokenId,
        uint32 epoch,
        address currency,
        uint256 price
    ) external override {
        if (msg.sender != market) revert NotMarket();
        if (kind != Kind.SALE && kind != Kind.BUYBACK) revert NotAMarketKind(kind);
        (,,, uint32 current) = _load(tokenId);
        if (epoch != current) revert StaleEpoch(current, epoch);
        if (kind == Kind.SALE && !_rules.resale) revert ResaleClosed();
        if (currency != resaleCurrency) revert WrongCurrency(resaleCurrency, currency);
        uint256 cap = capOf(tokenId);
        if (price > cap) revert PriceAboveCap(cap, price);
        uint64 until = resaleHeldUntil(tokenId);
        if (block.timestamp < until) revert ResaleHeld(tokenId, until);
        _move(from, to, tokenId, kind);
    }

    /// @inheritdoc ITicketRules
    function issue(uint256[] calldata tokenIds, address[] calldata to) external override onlyOwner {
        if (tokenIds.length != to.length) revert BadEntries();
        for (uint256 i; i < to.length; ++i) {
            if (ownerOf(tokenIds[i]) != msg.sender) revert NotHeldByOwner(tokenIds[i]);
            _move(msg.sender, to[i], tokenIds[i], Kind.ISSUER);
        }
    }

    /// @inheritdoc ITicketRules
    function requestRecovery(uint256 tokenId, address to) external override onlyOwner {
        (address holder,, uint8 status, uint32 epoch) = _load(tokenId);
        if (holder == address(this)) revert TicketInEscrow(tokenId);
        if (status != Status.LOCKED) revert TicketNotLocked(tokenId);
        if (to == address(0)) revert ReceiverIsZero();
        uint64 readyAt = uint64(block.timestamp) + RECOVERY_DELAY;
        _recoveries[tokenId] = Recovery(to, readyAt);
        emit RecoveryRequested(tokenId, to, epoch, readyAt);
    }

    /// @inheritdoc ITicketRules
    function cancelRecovery(uint256 tokenId) external override {
        if (msg.sender != ownerOf(tokenId) && msg.sender != owner()) revert NotOwnerOrHolder();
        if (!_endRecovery(tokenId)) revert NoRecovery(tokenId);
    }

    /// @inheritdoc ITicketRules
    function recover(uint256 tokenId) external override onlyOwner {
        (address holder,, uint8 status,) = _load(tokenId);
        (address to, uint64 readyAt) = recovery(tokenId);
        if (to == address(0)) revert NoRecovery(tokenId);
        if (block.timestamp < readyAt) revert RecoveryTooSoon(readyAt);
        if (status != Status.LOCKED) revert TicketNotLocked(tokenId);
        // Done, not cancelled: the unlock finds no request.
        delete _recoveries[tokenId];
        _changeStatus(tokenId, Status.LIVE);
        _move(holder, to, tokenId, Kind.RECOVERY);
    }

    /// @inheritdoc ITicketRules
    function recovery(uint256 tokenId) public view override returns (address to, uint64 readyAt) {
        _load(tokenId);
        Recovery storage asked = _recoveries[tokenId];
        return (asked.to, asked.readyAt);
    }

    /// @notice ERC-165.
    /// @param interfaceId The XOR of its function selectors.
    /// @return True for ERC-165, 721 with Metadata, 2981, 4906, 5192 and 7439.
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, ERC2981) returns (bool) {
        return ERC721.supportsInterface(interfaceId) || ERC2981.supportsInterface(interfaceId)
            || interfaceId == 0x49064906 // ERC-4906
            || interfaceId == 0xb45a3c0e // ERC-5192
            || interfaceId == 0x15fbb306; // ERC-7439
    }

    // ---- statuses

    /// @dev One step along an edge of the status graph. Clears the approval; an unlock ends a recovery that was asked for.
    function _changeStatus(uint256 tokenId, uint8 status) internal {
        (,, uint8 from,) = _load(tokenId);
        if (!Status.mayBecome(from, status)) revert BadStatusChange(tokenId, from, status);
        _writeStatus(tokenId, status);
        if (_getApproved(tokenId) != address(0)) _approve(address(0), tokenId);
        emit StatusChanged(tokenId, status);
        if (status == Status.LIVE) {
            emit Unlocked(tokenId);
            _endRecovery(tokenId);
        } else if (from == Status.LIVE) {
            emit Locked(tokenId);
        }
    }

    /// @dev Forgets a recovery that was asked for; false if there is none.
    function _endRecovery(uint256 tokenId) private returns (bool) {
        (address to,) = recovery(tokenId);
        if (to == address(0)) return false;
        delete _recoveries[tokenId];
        emit RecoveryCancelled(tokenId, msg.sender);
        return true;
    }

    // ---- the hook

    /// @dev Moves a ticket for a reason other than its holder's wish. The caller has checked who may.
    function _move(address from, address to, uint256 tokenId, uint8 kind) internal {
        _kind = kind;
        _transfer(from, to, tokenId);
        _kind = Kind.GIFT;
    }

    /// @dev The one hook: every way to move a ticket passes here. Mint and burn are checked where they happen.
    function _beforeTokenTransfer(address from, address to, uint256 tokenId) internal view override {
        // ERC-721's own code refuses the zero address after this.
        if (from == address(0) || to == address(0)) return;
        _refuseValue();
        uint8 status = _status(tokenId);
        if (status != Status.LIVE) revert TicketNotLive(tokenId, status);
        uint8 kind = _kind;
        if (kind <= Kind.BUYBACK) _checkTrade(from, tokenId, kind);
        _checkReceiver(to);
    }

    /// @dev After Solady has written the owner and cleared the approval.
    function _afterTokenTransfer(address from, address to, uint256 tokenId) internal override {
        if (from == address(0) || to == address(0)) return;
        uint8 kind = _kind;
        (uint8 gifts, uint32 movedAt) = _moves(tokenId);
        if (kind <= Kind.BUYBACK) {
            movedAt = uint32(block.timestamp);
            if (kind != Kind.GIFT) gifts = 0;
            else if (gifts != _UNLIMITED) ++gifts;
        }
        emit TicketMoved(tokenId, kind, _writeMove(tokenId, gifts, movedAt));
    }

    /// @dev What holds for gifts, sales and buy-backs, the kinds that begin with a holder's wish.
    function _checkTrade(address holder, uint256 tokenId, uint8 kind) private view {
        uint64 freezeAt = _rules.freezeAt;
        if (freezeAt != 0 && block.timestamp >= freezeAt) revert TicketsFrozen(freezeAt);
        if (kind != Kind.GIFT) {
            _checkPaused(Scope.RESALE);
            return;
        }
        (uint8 gifts, uint32 movedAt) = _moves(tokenId);
        uint8 limit = _rules.giftLimit;
        if (limit != _UNLIMITED) {
            // An approval is how a foreign marketplace settles, without cap and royalty.
            if (msg.sender != holder) revert GiftNotByHolder();
            if (gifts >= limit) revert GiftLimitReached(tokenId, limit);
        }
        uint64 from = uint64(movedAt) + _rules.giftCoolOff;
        if (movedAt != 0 && block.timestamp < from) revert GiftTooSoon(tokenId, from);
    }

    /// @dev Plain and delegated wallets, and contracts whose code the owner allowed.
    function _checkReceiver(address to) internal view {
        if (to == address(this)) revert ReceiverIsCollection();
        if (Accounts.isWallet(to)) return;
        bytes32 codeHash = Accounts.codeHash(to);
        if (!isReceiverCodeHash[codeHash]) revert ReceiverNotAllowed(to, codeHash);
    }

    /// @dev Counts tickets that a wallet takes by buy and claim.
    function _countTaken(address wallet, uint32 count) internal {
        uint32 limit = _rules.maxPerWallet;
        uint32 taken = _taken(wallet) + count;
        if (limit != 0 && taken > limit) revert WalletLimitExceeded(limit);
        _writeTaken(wallet, taken);
    }

    // ---- writing

    /// @dev Names market and resale currency; called once.
    function _fixMarket(address market_, address currency) internal {
        (market, resaleCurrency) = (market_, currency);
        emit MarketFixed(market_, currency);
    }

    /// @dev Writes the rules.
    function _setRules(Rules memory rules_) internal {
        _rules = rules_;
        emit RulesChanged(rules_);
    }

    /// @dev Writes the terms of tiers that have none.
    function _publishTiers(TierTerms[] calldata terms) internal {
        for (uint256 i; i < terms.length; ++i) {
            TierTerms memory t = terms[i];
            if (_tiers[t.tier].list != 0) revert TierAlreadyPublished(t.tier);
            if (t.list == 0 || t.paid > t.list) revert BadTierTerms(t.tier);
            _tiers[t.tier] = t;
            emit TierPublished(t.tier, t.face, t.paid, t.list);
        }
    }

    /// @dev When the minter minted a ticket; zero for one that was bought here.
    function _mintTime(uint256 tokenId) internal view virtual returns (uint32);
}
