// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "solady/src/tokens/ERC20.sol";
import {TwoStepOwnable} from "./base/TwoStepOwnable.sol";
import {IBKS} from "./interfaces/IBKS.sol";

/// @title The Backstage token: ERC-20 with ERC-2612 permit, a hard cap, minters and a pause.
contract BKS is IBKS, ERC20, TwoStepOwnable {
    /// @inheritdoc IBKS
    uint256 public constant override CAP = 1_000_000_000 ether;

    /// @inheritdoc IBKS
    mapping(address account => bool) public override isMinter;
    /// @inheritdoc IBKS
    mapping(address account => bool) public override isPauser;
    /// @inheritdoc IBKS
    bool public override paused;
    /// @inheritdoc IBKS
    mapping(bytes32 id => bool) public override isRewarded;
    /// @inheritdoc IBKS
    mapping(address account => mapping(bytes32 id => bool)) public override isRedeemed;

    /// @dev Only the owner or a pauser.
    modifier onlyPauser() {
        if (msg.sender != owner() && !isPauser[msg.sender]) revert NotPauser();
        _;
    }

    /// @notice Deploys the token without any in existence.
    /// @param owner_ Who gives and takes roles; not zero.
    constructor(address owner_) {
        if (owner_ == address(0)) revert OwnerIsZero();
        _initializeOwner(owner_);
    }

    /// @inheritdoc IBKS
    function mint(address to, uint256 amount) external override {
        if (!isMinter[msg.sender]) revert NotMinter();
        _mintCapped(to, amount);
    }

    /// @inheritdoc IBKS
    function reward(bytes32 id, address to, uint256 amount) external override {
        if (!isMinter[msg.sender]) revert NotMinter();
        if (isRewarded[id]) revert RewardUsed(id);
        if (amount == 0) revert AmountIsZero();
        isRewarded[id] = true;
        emit Rewarded(id, to, amount);
        _mintCapped(to, amount);
    }

    /// @inheritdoc IBKS
    function redeem(bytes32 id, uint256 amount) external override {
        if (isRedeemed[msg.sender][id]) revert RedemptionUsed(id);
        if (amount == 0) revert AmountIsZero();
        isRedeemed[msg.sender][id] = true;
        emit Redeemed(id, msg.sender, amount);
        _burn(msg.sender, amount);
    }

    /// @inheritdoc IBKS
    function setMinter(address minter, bool allowed) external override onlyOwner {
        isMinter[minter] = allowed;
        emit MinterChanged(minter, allowed);
    }

    /// @inheritdoc IBKS
    function setPauser(address pauser, bool allowed) external override onlyOwner {
        isPauser[pauser] = allowed;
        emit PauserChanged(pauser, allowed);
    }

    /// @inheritdoc IBKS
    function pause() external override onlyPauser {
        if (paused) revert TokenIsPaused();
        paused = true;
        emit Paused(msg.sender);
    }

    /// @inheritdoc IBKS
    function unpause() external override onlyPauser {
        if (!paused) revert TokenIsNotPaused();
        paused = false;
        emit Unpaused(msg.sender);
    }

    /// @notice ERC-20: the token's name.
    /// @return "Backstage".
    function name() public pure override returns (string memory) {
        return "Backstage";
    }

    /// @notice ERC-20: the token's symbol.
    /// @return "BKS".
    function symbol() public pure override returns (string memory) {
        return "BKS";
    }

    /// @dev Creates tokens unless there would be more than the cap at one time.
    function _mintCapped(address to, uint256 amount) private {
        if (to == address(0)) revert ReceiverIsZero();
        if (amount > CAP - totalSupply()) revert CapExceeded(CAP, amount);
        _mint(to, amount);
    }

    /// @dev Transfers, mints and burns stop while paused.
    function _beforeTokenTransfer(address, address, uint256) internal view override {
        if (paused) revert TokenIsPaused();
    }

    /// @dev Solady would give one well-known contract an allowance over everybody's tokens; here nobody has one unasked.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
