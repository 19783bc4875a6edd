// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {ITicketCollection} from "../interfaces/ITicketCollection.sol";
import {Scope} from "../libraries/Words.sol";
import {TwoStepOwnable} from "./TwoStepOwnable.sol";

/// @title Who may do what in a collection, what is paused, and the promoter's royalty.
/// @notice Each role is small: a leaked key is bounded here, and can be replaced without touching sales or doors.
abstract contract CollectionRoles is ITicketCollection, TwoStepOwnable, ERC2981 {
    /// @notice The highest royalty, in basis points.
    uint96 public constant MAX_ROYALTY_BPS = 1000;

    // One storage word: all that a mint asks about its caller.
    /// @inheritdoc ITicketCollection
    address public override minter;
    /// @inheritdoc ITicketCollection
    uint64 public override minterAllowance;
    /// @inheritdoc ITicketCollection
    uint8 public override paused;

    // One storage word: all that a claim asks about its signer.
    /// @inheritdoc ITicketCollection
    address public override claimSigner;
    /// @inheritdoc ITicketCollection
    uint32 public override claimsPerDay;
    uint32 private _claimDay;
    uint32 private _claimsThatDay;

    /// @inheritdoc ITicketCollection
    address public override operator;
    /// @inheritdoc ITicketCollection
    address public override guardian;

    /// @dev Only the owner or the guardian.
    modifier onlyOwnerOrGuardian() {
        if (msg.sender != owner() && msg.sender != guardian) revert NotOwnerOrGuardian();
        _;
    }

    /// @dev Only the minter.
    modifier onlyMinter() {
        if (msg.sender != minter) revert NotMinter();
        _;
    }

    /// @dev Only the operator.
    modifier onlyOperator() {
        if (msg.sender != operator) revert NotOperator();
        _;
    }

    /// @dev Only while the scope is not paused.
    modifier unlessPaused(uint8 scope) {
        if (paused & scope != 0) revert ScopePaused(scope);
        _;
    }

    /// @inheritdoc ITicketCollection
    function setPaused(uint8 scopes) external override onlyOwnerOrGuardian {
        if (scopes & ~Scope.ALL != 0) revert UnknownScopes(scopes);
        paused = scopes;
        emit ScopesPaused(scopes, msg.sender);
    }

    /// @inheritdoc ITicketCollection
    function setMinter(address minter_, uint64 allowance) external override onlyOwner {
        _setMinter(minter_, allowance);
    }

    /// @inheritdoc ITicketCollection
    function rotateMinter(address minter_) external override onlyOwnerOrGuardian {
        _setMinter(minter_, minterAllowance);
    }

    /// @inheritdoc ITicketCollection
    function setClaimSigner(address signer, uint32 perDay) external override onlyOwner {
        _setClaimSigner(signer, perDay);
    }

    /// @inheritdoc ITicketCollection
    function rotateClaimSigner(address signer) external override onlyOwnerOrGuardian {
        _setClaimSigner(signer, claimsPerDay);
    }

    /// @inheritdoc ITicketCollection
    function setOperator(address operator_) external override {
        // The guardian may drop a leaked operator but not name one.
        if (msg.sender != guardian || operator_ != address(0)) _checkOwner();
        _setOperator(operator_);
    }

    /// @inheritdoc ITicketCollection
    function setGuardian(address guardian_) external override onlyOwner {
        _setGuardian(guardian_);
    }

    /// @inheritdoc ITicketCollection
    function setRoyalty(address receiver, uint96 bps) external override onlyOwner {
        _setRoyalty(receiver, bps);
    }

    /// @dev Writes the minter and its allowance.
    function _setMinter(address minter_, uint64 allowance) internal {
        (minter, minterAllowance) = (minter_, allowance);
        emit MinterChanged(minter_, allowance);
    }

    /// @dev Takes `count` tickets off the minter's allowance.
    function _spendAllowance(uint64 count) internal {
        uint64 left = minterAllowance;
        if (count > left) revert AllowanceExceeded();
        minterAllowance = left - count;
    }

    /// @dev Writes the claim signer and its limit. The count of the day stays, so that rotating lifts no limit.
    function _setClaimSigner(address signer, uint32 perDay) internal {
        (claimSigner, claimsPerDay) = (signer, perDay);
        emit ClaimSignerChanged(signer, perDay);
    }

    /// @dev Counts one claim against the limit of the present UTC day.
    function _countClaim() internal {
        uint32 today = uint32(block.timestamp / 1 days);
        uint32 count = today == _claimDay ? _claimsThatDay : 0;
        if (count >= claimsPerDay) revert ClaimLimitExceeded();
        (_claimDay, _claimsThatDay) = (today, count + 1);
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
