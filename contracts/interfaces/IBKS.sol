// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the platform needs of the Backstage token beyond ERC-20 and ERC-2612.
interface IBKS {
    /// @notice An address gained or lost the minter role.
    /// @param minter The address.
    /// @param allowed True if gained, false if lost.
    event MinterChanged(address indexed minter, bool allowed);
    /// @notice An address gained or lost the pauser role.
    /// @param pauser The address.
    /// @param allowed True if gained, false if lost.
    event PauserChanged(address indexed pauser, bool allowed);
    /// @notice Transfers and mints stopped.
    /// @param by Who called.
    event Paused(address indexed by);
    /// @notice Transfers and mints resumed.
    /// @param by Who called.
    event Unpaused(address indexed by);
    /// @notice A reward was minted under an id.
    /// @param id What the reward was for.
    /// @param to Who receives.
    /// @param amount In the base unit.
    event Rewarded(bytes32 indexed id, address indexed to, uint256 amount);
    /// @notice An account burnt tokens of its own under an id.
    /// @param id What was redeemed.
    /// @param account Whose tokens were burnt.
    /// @param amount In the base unit.
    event Redeemed(bytes32 indexed id, address indexed account, uint256 amount);

    /// @notice The caller does not hold the minter role.
    error NotMinter();
    /// @notice The caller is neither the owner nor a pauser.
    error NotPauser();
    /// @notice The mint would pass the cap, in the token's base unit (10^-18 BKS).
    /// @param cap The most that can exist at one time.
    /// @param wanted What was to be minted.
    error CapExceeded(uint256 cap, uint256 wanted);
    /// @notice Transfers and mints are paused.
    error TokenIsPaused();
    /// @notice Transfers and mints are not paused.
    error TokenIsNotPaused();
    /// @notice The token needs an owner.
    error OwnerIsZero();
    /// @notice Tokens cannot be minted to the zero address.
    error ReceiverIsZero();
    /// @notice A reward of this id was minted before.
    /// @param id What the reward was for.
    error RewardUsed(bytes32 id);
    /// @notice The account used this redemption id before.
    /// @param id What was redeemed.
    error RedemptionUsed(bytes32 id);
    /// @notice Nothing is not an amount.
    error AmountIsZero();

    /// @notice The most that can exist at one time, in the base unit.
    /// @return In the base unit (10^-18 BKS).
    function CAP() external view returns (uint256);

    /// @notice Creates tokens. Only a minter.
    /// @dev Reverts: NotMinter, TokenIsPaused, CapExceeded, ReceiverIsZero.
    /// @param to Who receives them.
    /// @param amount In the base unit (10^-18 BKS).
    function mint(address to, uint256 amount) external;

    /// @notice Creates tokens under an id that is good once. Only a minter.
    /// @dev Reverts: NotMinter, RewardUsed, AmountIsZero, TokenIsPaused, CapExceeded, ReceiverIsZero.
    /// @param id What the reward is for.
    /// @param to Who receives it.
    /// @param amount In the base unit.
    function reward(bytes32 id, address to, uint256 amount) external;

    /// @notice Whether a reward of this id was minted.
    /// @param id What the reward is for.
    /// @return True for good once it was minted.
    function isRewarded(bytes32 id) external view returns (bool);

    /// @notice Burns tokens of the caller in exchange for something off chain. Each account uses an id once; whoever gives
    ///         something for it must look at the account too.
    /// @dev Reverts: RedemptionUsed, AmountIsZero, TokenIsPaused, InsufficientBalance.
    /// @param id What is redeemed.
    /// @param amount In the base unit.
    function redeem(bytes32 id, uint256 amount) external;

    /// @notice Whether the account used this redemption id.
    /// @param account Whose tokens.
    /// @param id What is redeemed.
    /// @return True for good once it was used.
    function isRedeemed(address account, bytes32 id) external view returns (bool);

    /// @notice Gives or takes the minter role. Only the owner.
    /// @param minter The address.
    /// @param allowed True gives, false takes.
    function setMinter(address minter, bool allowed) external;

    /// @notice Gives or takes the pauser role. Only the owner.
    /// @param pauser The address.
    /// @param allowed True gives, false takes.
    function setPauser(address pauser, bool allowed) external;

    /// @notice Whether an address holds the minter role.
    /// @param account The address.
    /// @return True if it may mint.
    function isMinter(address account) external view returns (bool);

    /// @notice Whether an address holds the pauser role.
    /// @param account The address.
    /// @return True if it may pause.
    function isPauser(address account) external view returns (bool);

    /// @notice Stops transfers and mints; approvals and permits stay possible. Owner or pauser.
    /// @dev Reverts: NotPauser, TokenIsPaused.
    function pause() external;

    /// @notice Resumes transfers and mints. Owner or pauser.
    /// @dev Reverts: NotPauser, TokenIsNotPaused.
    function unpause() external;

    /// @notice Whether transfers and mints are stopped.
    /// @return True while they are.
    function paused() external view returns (bool);
}
