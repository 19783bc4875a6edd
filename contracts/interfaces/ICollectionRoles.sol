// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The roles of a collection, what is paused, and the promoter's royalty.
/// @notice The owner is the promoter. The keys of the platform are small and can be taken away; who quotes prices and its
///         limit are in IBoxOffice.
interface ICollectionRoles {
    /// @notice The whole set of paused scopes was replaced.
    /// @param scopes 1 SALE, 2 MINT, 4 RESALE, 8 CLAIM, added up.
    /// @param by Who called.
    event ScopesPaused(uint8 scopes, address indexed by);
    /// @notice Who may mint, and how many tickets are left to it.
    /// @param minter Zero for nobody.
    /// @param allowance Tickets.
    event MinterChanged(address indexed minter, uint64 allowance);
    /// @notice How many tickets the minter may mint in one UTC day.
    /// @param perDay Tickets in one UTC day.
    event MintsPerDayChanged(uint32 perDay);
    /// @notice Whose vouchers count, and how many claims may pass a day.
    /// @param signer Zero for nobody.
    /// @param perDay Claims in one UTC day.
    event ClaimSignerChanged(address indexed signer, uint32 perDay);
    /// @notice Who may set statuses.
    /// @param operator Zero for nobody.
    event OperatorChanged(address indexed operator);
    /// @notice Who may pause and revoke.
    /// @param guardian Zero for nobody.
    event GuardianChanged(address indexed guardian);
    /// @notice ERC-2981 terms for every ticket.
    /// @param receiver Who is owed.
    /// @param bps Basis points of the price.
    event RoyaltyChanged(address indexed receiver, uint96 bps);

    /// @notice The caller is not the minter.
    error NotMinter();
    /// @notice The caller is not the operator.
    error NotOperator();
    /// @notice The caller is neither the owner nor the guardian.
    error NotOwnerOrGuardian();
    /// @notice This scope is paused.
    /// @param scope 1 SALE, 2 MINT, 4 RESALE or 8 CLAIM.
    error ScopePaused(uint8 scope);
    /// @notice A bit that names no scope.
    /// @param scopes What was asked for.
    error UnknownScopes(uint8 scopes);
    /// @notice The minter has fewer tickets left than the batch holds.
    error AllowanceExceeded();
    /// @notice The minter has fewer tickets left today than the batch holds.
    error MintLimitExceeded();
    /// @notice Royalties are at most 1000 basis points.
    /// @param bps What was asked for.
    error RoyaltyTooHigh(uint96 bps);

    /// @notice Replaces the whole set of paused scopes. Owner or guardian.
    /// @dev Reverts: NotOwnerOrGuardian, UnknownScopes.
    /// @param scopes 1 SALE, 2 MINT, 4 RESALE, 8 CLAIM, added up.
    function setPaused(uint8 scopes) external;

    /// @notice The paused scopes: 1 SALE, 2 MINT, 4 RESALE, 8 CLAIM.
    /// @return Added up; 0 if nothing is.
    function paused() external view returns (uint8);

    /// @notice Who may mint; zero for nobody.
    /// @return A key of the platform.
    function minter() external view returns (address);

    /// @notice Tickets the minter may still mint.
    /// @return Falls with each mint.
    function minterAllowance() external view returns (uint64);

    /// @notice Sets the minter and what it may mint from now on. Only the owner.
    /// @param minter_ The new minter; zero for nobody.
    /// @param allowance Tickets, whatever was left before.
    function setMinter(address minter_, uint64 allowance) external;

    /// @notice Tickets the minter may mint in one UTC day.
    /// @return The limit, not what is left of it today.
    function mintsPerDay() external view returns (uint32);

    /// @notice Sets how many tickets the minter may mint in one UTC day; 0 stops it. Only the owner. Today's stay counted.
    /// @param perDay Tickets.
    function setMintsPerDay(uint32 perDay) external;

    /// @notice Replaces the minter and keeps what is left to it; zero revokes. Owner or guardian.
    /// @param minter_ The new key; zero revokes.
    function rotateMinter(address minter_) external;

    /// @notice Whose vouchers count; zero for nobody's.
    /// @return A wallet, or a contract that answers by ERC-1271.
    function claimSigner() external view returns (address);

    /// @notice Claims that may pass in one UTC day.
    /// @return The limit, not what is left of it today.
    function claimsPerDay() external view returns (uint32);

    /// @notice Sets the claim signer and its daily limit. Only the owner. Today's claims stay counted.
    /// @param signer Zero for nobody.
    /// @param perDay Claims in one UTC day.
    function setClaimSigner(address signer, uint32 perDay) external;

    /// @notice Replaces the claim signer and keeps its limit; zero revokes. Owner or guardian.
    /// @param signer The new key; zero revokes.
    function rotateClaimSigner(address signer) external;

    /// @notice Who may set statuses.
    /// @return Zero for nobody.
    function operator() external view returns (address);

    /// @notice Sets the operator. The owner; the guardian only to zero.
    /// @param operator_ Zero for nobody.
    function setOperator(address operator_) external;

    /// @notice Who may pause and revoke.
    /// @return Zero for nobody.
    function guardian() external view returns (address);

    /// @notice Sets the guardian. Only the owner.
    /// @param guardian_ Zero for nobody.
    function setGuardian(address guardian_) external;

    /// @notice Sets the ERC-2981 royalty of every ticket. Only the owner.
    /// @dev Reverts: Unauthorized, RoyaltyTooHigh, RoyaltyReceiverIsZeroAddress.
    /// @param receiver Who is owed; may be zero when bps is zero.
    /// @param bps Basis points of the price, at most 1000.
    function setRoyalty(address receiver, uint96 bps) external;
}
