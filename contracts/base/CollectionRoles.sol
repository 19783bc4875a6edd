// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {IBoxOffice} from "../interfaces/IBoxOffice.sol";
import {ICollectionRoles} from "../interfaces/ICollectionRoles.sol";
import {ITicketCollection} from "../interfaces/ITicketCollection.sol";
import {Scope} from "../libraries/Words.sol";
import {TwoStepOwnable} from "./TwoStepOwnable.sol";

/// @title Who may do what in a collection, what is paused, and the promoter's royalty.
/// @notice Each role is small: a leaked key is bounded here, and can be replaced without touching sales or doors.
abstract contract CollectionRoles is ITicketCollection, TwoStepOwnable, ERC2981 {
    /// @notice The highest royalty, in basis points.
    uint96 public constant MAX_ROYALTY_BPS = 1000;

    /// @dev A key of the platform and what it may do in one UTC day. One storage word.
    struct Key {
        address account;
        uint32 perDay;
        uint32 day;
        uint32 count;
    }

    Key internal _minter;
    Key internal _claimSigner;
    Key internal _quoteSigner;

    /// @inheritdoc ICollectionRoles
    address public override guardian;
    /// @inheritdoc ICollectionRoles
    uint64 public override minterAllowance;
    /// @inheritdoc ICollectionRoles
    uint8 public override paused;
    /// @inheritdoc ICollectionRoles
    address public override operator;

    // Modifiers call functions: their code would stand in the contract once for each use.

    /// @dev Only the owner or the guardian.
    modifier onlyOwnerOrGuardian() {
        _checkOwnerOrGuardian();
        _;
    }

    /// @dev Only the minter.
    modifier onlyMinter() {
        _checkMinter();
        _;
    }

    /// @dev Only the operator.
    modifier onlyOperator() {
        _checkOperator();
        _;
    }

    /// @dev Only while the scope is not paused.
    modifier unlessPaused(uint8 scope) {
        _checkPaused(scope);
        _;
    }

    /// @inheritdoc ICollectionRoles
    function setPaused(uint8 scopes) external override onlyOwnerOrGuardian {
        if (scopes & ~Scope.ALL != 0) revert UnknownScopes(scopes);
        paused = scopes;
        emit ScopesPaused(scopes, msg.sender);
    }

    /// @inheritdoc ICollectionRoles
    function minter() external view override returns (address) {
        return _minter.account;
    }

    /// @inheritdoc ICollectionRoles
    function mintsPerDay() external view override returns (uint32) {
        return _minter.perDay;
    }

    /// @inheritdoc ICollectionRoles
    function setMinter(address minter_, uint64 allowance) external override onlyOwner {
        _setMinter(minter_, allowance);
    }

    /// @inheritdoc ICollectionRoles
    function rotateMinter(address minter_) external override onlyOwnerOrGuardian {
        _setMinter(minter_, minterAllowance);
    }

    /// @inheritdoc ICollectionRoles
    function setMintsPerDay(uint32 perDay) external override onlyOwner {
        _setMintsPerDay(perDay);
    }

    /// @inheritdoc ICollectionRoles
    function claimSigner() external view override returns (address) {
        return _claimSigner.account;
    }

    /// @inheritdoc ICollectionRoles
    function claimsPerDay() external view override returns (uint32) {
        return _claimSigner.perDay;
    }

    /// @inheritdoc ICollectionRoles
    function setClaimSigner(address signer, uint32 perDay) external override onlyOwner {
        _setClaimSigner(signer, perDay);
    }

    /// @inheritdoc ICollectionRoles
    function rotateClaimSigner(address signer) external override onlyOwnerOrGuardian {
        _setClaimSigner(signer, _claimSigner.perDay);
    }

    /// @inheritdoc IBoxOffice
    function quoteSigner() external view override returns (address) {
        return _quoteSigner.account;
    }

    /// @inheritdoc IBoxOffice
    function quotesPerDay() external view override returns (uint32) {
        return _quoteSigner.perDay;
    }

    /// @inheritdoc IBoxOffice
    function setQuoteSigner(address signer, uint32 perDay) external override onlyOwner {
        _setQuoteSigner(signer, perDay);
    }

    /// @inheritdoc IBoxOffice
    function rotateQuoteSigner(address signer) external override onlyOwnerOrGuardian {
        _setQuoteSigner(signer, _quoteSigner.perDay);
    }

    /// @inheritdoc ICollectionRoles
    function setOperator(address operator_) external override {
        // The guardian may drop a leaked operator but not name one.
        if (msg.sender != guardian || operator_ != address(0)) _checkOwner();
        _setOperator(operator_);
    }

    /// @inheritdoc ICollectionRoles
    function setGuardian(address guardian_) external override onlyOwner {
        _setGuardian(guardian_);
    }

    /// @inheritdoc ICollectionRoles
    function setRoyalty(address receiver, uint96 bps) external override onlyOwner {
        _setRoyalty(receiver, bps);
    }

    /// @dev See onlyOwnerOrGuardian.
    function _checkOwnerOrGuardian() private view {
        if (msg.sender != owner() && msg.sender != guardian) revert NotOwnerOrGuardian();
    }

    /// @dev See onlyMinter.
    function _checkMinter() private view {
        if (msg.sender != _minter.account) revert NotMinter();
    }

    /// @dev See onlyOperator.
    function _checkOperator() private view {
        if (msg.sender != operator) revert NotOperator();
    }

    /// @dev Reverts while the scope is paused.
    function _checkPaused(uint8 scope) internal view {
        if (paused & scope != 0) revert ScopePaused(scope);
    }

    /// @dev Writes the minter and its allowance. The count of the day stays, so that rotating lifts no limit.
    function _setMinter(address minter_, uint64 allowance) internal {
        (_minter.account, minterAllowance) = (minter_, allowance);
        emit MinterChanged(minter_, allowance);
    }

    /// @dev Writes the minter's daily limit.
    function _setMintsPerDay(uint32 perDay) internal {
        _minter.perDay = perDay;
        emit MintsPerDayChanged(perDay);
    }

    /// @dev Takes `count` tickets off the minter's allowance and its day.
    function _spendAllowance(uint64 count) internal {
        uint64 left = minterAllowance;
        if (count > left) revert AllowanceExceeded();
        minterAllowance = left - count;
        if (!_countToday(_minter, count)) revert MintLimitExceeded();
    }

    /// @dev Writes the claim signer and its limit. The count of the day stays.
    function _setClaimSigner(address signer, uint32 perDay) internal {
        (_claimSigner.account, _claimSigner.perDay) = (signer, perDay);
        emit ClaimSignerChanged(signer, perDay);
    }

    /// @dev Writes the quote signer and its limit. The count of the day stays.
    function _setQuoteSigner(address signer, uint32 perDay) internal {
        (_quoteSigner.account, _quoteSigner.perDay) = (signer, perDay);
        emit QuoteSignerChanged(signer, perDay);
    }

    /// @dev Counts `count` uses of a key against the limit of the present UTC day; false if they do not fit.
    function _countToday(Key storage key, uint64 count) internal returns (bool) {
        uint32 today = uint32(block.timestamp / 1 days);
        uint256 total = (today == key.day ? key.count : 0) + uint256(count);
        if (total > key.perDay) return false;
        (key.day, key.count) = (today, uint32(total));
        return true;
    }

    /// @dev Writes the operator.
    function _setOperator(address operator_) internal {
        operator = operator_;
        emit OperatorChanged(operator_);
    }

    /// @dev Writes the guardian.
    function _setGuardian(address guardian_) internal {
        guardian = guardian_;
        emit GuardianChanged(guardian_);
    }

    /// @dev Writes the royalty; none at all for a zero receiver with zero basis points.
    function _setRoyalty(address receiver, uint96 bps) internal {
        if (bps > MAX_ROYALTY_BPS) revert RoyaltyTooHigh(bps);
        if (receiver == address(0) && bps == 0) _deleteDefaultRoyalty();
        else _setDefaultRoyalty(receiver, bps);
        emit RoyaltyChanged(receiver, bps);
    }
}
