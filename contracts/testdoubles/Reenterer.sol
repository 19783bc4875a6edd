// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Everybody whom our contracts call, at one address: a receiver of tickets and coins, a token, a wallet of code; and
///        while it is called it makes any other call.
/// @dev What it is to do lies in transient storage, so that it can be read inside the gas that a receiver is given.
contract Reenterer {
    /// @notice The moments in which our contracts hand over control.
    enum Point {
        NEVER,
        COIN, // receive()
        TICKET, // onERC721Received
        TRANSFER_FROM,
        TRANSFER,
        PERMIT,
        SIGNATURE // isValidSignature
    }

    /// @notice A call; to the zero address: none.
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    /// @notice How two calls ended, and a hash over what all views answered then.
    struct Outcome {
        bool outerOk;
        bool innerOk;
        bool fired;
        bytes4 outerError;
        bytes4 innerError;
        bytes32 state;
    }

    /// @notice ERC-20.
    mapping(address account => uint256) public balanceOf;

    Reenterer private _boss;
    bool private _refuses; // beside the other, so that both are read at once

    Point private transient _point;
    uint8 private transient _skip;
    bool private transient _fired;
    bool private transient _innerOk;
    bytes4 private transient _innerError;

    /// @dev Where the inner call lies in transient storage: target, value, length, words.
    uint256 private constant _INNER = 1 << 128;
    uint256 private constant _NOTE = 4000;
    /// @dev What a call costs more when coins go along.
    uint256 private constant _SENDING = 9000;

    /// @notice Carries an outcome out of a trial whose changes are taken back.
    error Tried(Outcome outcome);
    /// @notice As asked for.
    error Refused();

    /// @param boss Who acts when this one is called; zero: itself.
    constructor(Reenterer boss) payable {
        _boss = boss;
    }

    // ---- what a test does with it

    /// @notice Makes a call, as the account that this contract is.
    function execute(Call calldata c) external payable {
        (bool ok, bytes memory answer) = c.target.call{value: c.value}(c.data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice ERC-20: creates tokens for anybody.
    function give(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    /// @notice Refuses coins, and as a token every transfer, from now on or no longer.
    function refuse(bool refuses) external {
        _refuses = refuses;
    }

    /// @notice Tries the inner call inside the outer one (when `point` is reached for the `skip + 1`st time). If both succeed,
    ///         also after it, and if that leaves another state, before it; each from the same state.
    /// @param views What makes up the state: target (20 bytes), length (2), calldata; without calldata the target's balance.
    function tryAll(Call calldata outer, Call calldata inner, Point point, uint8 skip, bytes calldata views)
        external
        returns (Outcome memory inside, Outcome memory afterwards, Outcome memory before)
    {
        inside = _try(outer, inner, point, skip, views, 0);
        if (!inside.innerOk || !inside.outerOk) return (inside, afterwards, before);
        afterwards = _try(outer, inner, Point.NEVER, 0, views, 1);
        if (afterwards.state == inside.state) return (inside, afterwards, before);
        before = _try(outer, inner, Point.NEVER, 0, views, 2);
    }

    /// @notice Tries one of them and reverts with its outcome.
    function attempt(
        Call calldata outer,
        Call calldata inner,
        Point point,
        uint8 skip,
        bytes calldata views,
        uint8 order
    ) external {
        Outcome memory o;
        if (order == 2) (o.innerOk, o.innerError) = _make(inner);
        if (order == 0) _arm(inner, point, skip);
        (o.outerOk, o.outerError) = _make(outer);
        if (order == 1) (o.innerOk, o.innerError) = _make(inner);
        if (order == 0) (o.fired, o.innerOk, o.innerError) = (_fired, _innerOk, _innerError);
        o.state = _look(views);
        revert Tried(o);
    }

    /// @notice Makes the inner call if this is the moment for it.
    function poke(Point point) public {
        if (_point != point) return;
        if (_skip != 0) {
            --_skip;
            return;
        }
        (_point, _fired) = (Point.NEVER, true);
        (address target, uint256 value, bytes memory data) = _inner();
        // What is left must do to note how it ended: whoever is paid in coins gets little.
        uint256 kept = value == 0 ? _NOTE : _NOTE + _SENDING;
        uint256 left = gasleft();
        (bool ok, bytes memory answer) = target.call{gas: left > kept ? left - kept : 0, value: value}(data);
        (_innerOk, _innerError) = (ok, ok ? bytes4(0) : bytes4(answer));
    }

    // ---- being called

    receive() external payable {
        _called(Point.COIN);
    }

    /// @notice ERC-721 receiver.
    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _called(Point.TICKET);
        return this.onERC721Received.selector;
    }

    /// @notice ERC-20; asks for no allowance.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _called(Point.TRANSFER_FROM);
        return _pay(from, to, amount);
    }

    /// @notice ERC-20.
    function transfer(address to, uint256 amount) external returns (bool) {
        _called(Point.TRANSFER);
        return _pay(msg.sender, to, amount);
    }

    /// @notice ERC-2612; asks for no signature.
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _called(Point.PERMIT);
    }

    /// @notice ERC-1271; everything is signed, unless asking for it failed to do something else.
    /// @dev Our contracts ask by a static call, in which nothing can be written: that uses up all gas it is given.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        address boss = address(_boss) == address(0) ? address(this) : address(_boss);
        (bool ok,) = boss.call{gas: 100_000}(abi.encodeCall(this.poke, (Point.SIGNATURE)));
        return ok ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    // ---- within

    function _called(Point point) private {
        (Reenterer boss, bool refuses) = (_boss, _refuses);
        if (refuses && (point == Point.COIN || point == Point.TRANSFER)) revert Refused();
        if (address(boss) == address(0)) poke(point);
        else boss.poke(point);
    }

    function _pay(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function _try(
        Call calldata outer,
        Call calldata inner,
        Point point,
        uint8 skip,
        bytes calldata views,
        uint8 order
    ) private returns (Outcome memory outcome) {
        try this.attempt(outer, inner, point, skip, views, order) {}
        catch (bytes memory reason) {
            assembly ("memory-safe") {
                let length := sub(mload(reason), 4)
                reason := add(reason, 4)
                mstore(reason, length)
            }
            outcome = abi.decode(reason, (Outcome));
        }
    }

    function _make(Call calldata c) private returns (bool ok, bytes4 error_) {
        if (c.target == address(0)) return (true, 0);
        bytes memory answer;
        (ok, answer) = c.target.call{value: c.value}(c.data);
        if (!ok) error_ = bytes4(answer);
    }

    function _look(bytes calldata views) private view returns (bytes32 state) {
        for (uint256 at; at < views.length;) {
            address target = address(bytes20(views[at:at + 20]));
            uint256 from = at + 22;
            at = from + uint16(bytes2(views[at + 20:from]));
            if (at == from) {
                state = keccak256(abi.encode(state, target.balance));
            } else {
                (bool ok, bytes memory answer) = target.staticcall(views[from:at]);
                state = keccak256(abi.encode(state, ok, answer));
            }
        }
    }

    function _arm(Call calldata inner, Point point, uint8 skip) private {
        (_point, _skip) = (point, skip);
        (address target, uint256 value, bytes calldata data) = (inner.target, inner.value, inner.data);
        assembly ("memory-safe") {
            tstore(_INNER, target)
            tstore(add(_INNER, 1), value)
            tstore(add(_INNER, 2), data.length)
            for { let i := 0 } lt(mul(i, 32), data.length) { i := add(i, 1) } {
                tstore(add(add(_INNER, 3), i), calldataload(add(data.offset, mul(i, 32))))
            }
        }
    }

    function _inner() private view returns (address target, uint256 value, bytes memory data) {
        uint256 length;
        assembly ("memory-safe") {
            target := tload(_INNER)
            value := tload(add(_INNER, 1))
            length := tload(add(_INNER, 2))
        }
        data = new bytes(length);
        assembly ("memory-safe") {
            for { let i := 0 } lt(mul(i, 32), length) { i := add(i, 1) } {
                mstore(add(add(data, 0x20), mul(i, 32)), tload(add(add(_INNER, 3), i)))
            }
        }
    }
}
