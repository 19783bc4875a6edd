// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the platform needs of the Backstage token beyond ERC-20 and ERC-2612.
interface IBKS {
    /// @notice An address gained or lost the minter role.
    event MinterChanged(address indexed minter, bool allowed);
    /// @notice An address gained or lost the pauser role.
    event PauserChanged(address indexed pauser, bool allowed);
    /// @notice Transfers and mints stopped.
    event Paused(address indexed by);
    /// @notice Transfers and mints resumed.
    event Unpaused(address indexed by);

    /// @notice The caller does not hold the minter role.
    error NotMinter();
    /// @notice The caller is neither the owner nor a pauser.
    error NotPauser();
    /// @notice The mint would pass the cap, in the token's base unit (10^-18 BKS).
    error CapExceeded(uint256 cap, uint256 wanted);
    /// @notice Transfers and mints are paused.
    error TokenIsPaused();
    /// @notice Transfers and mints are not paused.
    error TokenIsNotPaused();
    /// @notice The token needs an owner.
    error OwnerIsZero();
    /// @notice Tokens cannot be minted to the zero address.
    error ReceiverIsZero();

    /// @notice The most that can ever exist, in the base unit.
    function CAP() external view returns (uint256);

    /// @notice Creates tokens. Only a minter.
    /// @dev Reverts: NotMinter, TokenIsPaused, CapExceeded, ReceiverIsZero.
    /// @param to Who receives them.
    /// @param amount In the base unit (10^-18 BKS).
    function mint(address to, uint256 amount) external;

    /// @notice Gives or takes the minter role. Only the owner.
    function setMinter(address minter, bool allowed) external;

    /// @notice Gives or takes the pauser role. Only the owner.
    function setPauser(address pauser, bool allowed) external;

    /// @notice Whether an address holds the minter role.
    function isMinter(address account) external view returns (bool);

    /// @notice Whether an address holds the pauser role.
    function isPauser(address account) external view returns (bool);

    /// @notice Stops transfers and mints; approvals and permits stay possible. Owner or pauser.
    /// @dev Reverts: NotPauser, TokenIsPaused.
    function pause() external;

    /// @notice Resumes transfers and mints. Owner or pauser.
    /// @dev Reverts: NotPauser, TokenIsNotPaused.
    function unpause() external;

    /// @notice Whether transfers and mints are stopped.
    function paused() external view returns (bool);
}
