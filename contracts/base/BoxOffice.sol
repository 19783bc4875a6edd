// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBoxOffice} from "../interfaces/IBoxOffice.sol";
import {Payments, Permit} from "../libraries/Payments.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Scope} from "../libraries/Words.sol";
import {Minting} from "./Minting.sol";
import {TypedData} from "./TypedData.sol";

/// @title Tickets for the native coin or a token, at a price the platform signed; and the money until it is withdrawn.
abstract contract BoxOffice is Minting, TypedData {
    bytes32 private constant _QUOTE_TYPEHASH = keccak256(
        "TicketQuote(bytes32 id,address buyer,uint16 tier,uint16 quantity,address currency,uint256 price,uint256 fee,uint64 deadline)"
    );

    mapping(bool isFee => mapping(address currency => uint256)) private _due;
    address private _treasury;

    /// @inheritdoc IBoxOffice
    mapping(bytes32 id => bool) public override isQuoteUsed;
    /// @inheritdoc IBoxOffice
    address public override feeReceiver;

    /// @inheritdoc IBoxOffice
    function buy(Quote calldata q, bytes calldata signature, Permit calldata permit)
        external
        payable
        override
        guarded
        unlessPaused(Scope.SALE)
        returns (uint256 firstTokenId)
    {
        if (msg.sender != q.buyer) revert NotTheBuyer(q.buyer);
        if (block.timestamp > q.deadline) revert Expired();
        if (q.quantity == 0 || q.fee > q.price) revert BadQuote();
        if (q.fee != 0 && feeReceiver == address(0)) revert BadQuote();
        if (isQuoteUsed[q.id]) revert QuoteUsed(q.id);
        // The struct holds words only, so its calldata is what EIP-712 encodes.
        bytes32 digest = _digest(keccak256(abi.encode(_QUOTE_TYPEHASH, q)));
        if (!Signatures.isValid(_quoteSigner.account, digest, signature)) revert BadQuoteSignature();

        isQuoteUsed[q.id] = true;
        if (!_countToday(_quoteSigner, q.quantity)) revert QuoteLimitExceeded();
        firstTokenId = _mintSingles(msg.sender, q.tier, q.quantity);
        _checkReceiver(msg.sender);
        _countTaken(msg.sender, q.quantity);
        _due[false][q.currency] += q.price - q.fee;
        if (q.fee != 0) _due[true][q.currency] += q.fee;
        emit TicketsBought(
            q.id, msg.sender, firstTokenId, q.tier, q.quantity, q.currency, q.price, q.fee
        );
        Payments.take(q.currency, msg.sender, q.price, permit);
    }

    /// @inheritdoc IBoxOffice
    function takenBy(address wallet) external view override returns (uint32) {
        return _taken(wallet);
    }

    /// @inheritdoc IBoxOffice
    function due(address currency) external view override returns (uint256 promoter, uint256 platform) {
        return (_due[false][currency], _due[true][currency]);
    }

    /// @inheritdoc IBoxOffice
    function withdraw(address currency) external override guarded {
        _payDue(currency, treasury(), false);
    }

    /// @inheritdoc IBoxOffice
    function withdrawFees(address currency) external override guarded {
        _payDue(currency, feeReceiver, true);
    }

    /// @inheritdoc IBoxOffice
    function treasury() public view override returns (address) {
        return _treasury == address(0) ? owner() : _treasury;
    }

    /// @inheritdoc IBoxOffice
    function setTreasury(address treasury_) external override onlyOwner {
        _setTreasury(treasury_);
    }

    /// @inheritdoc IBoxOffice
    function setFeeReceiver(address receiver) external override {
        if (msg.sender != feeReceiver) revert NotFeeReceiver();
        if (receiver == address(0)) revert ReceiverIsZero();
        _setFeeReceiver(receiver);
    }

    /// @dev Writes a share off and pays it out.
    function _payDue(address currency, address to, bool isFee) private {
        uint256 amount = _due[isFee][currency];
        _due[isFee][currency] = 0;
        if (amount == 0) revert NothingDue();
        emit Withdrawn(currency, to, amount, isFee);
        Payments.pay(currency, to, amount);
    }

    /// @dev Writes the treasury.
    function _setTreasury(address treasury_) internal {
        _treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    /// @dev Writes the fee receiver.
    function _setFeeReceiver(address receiver) internal {
        feeReceiver = receiver;
        emit FeeReceiverChanged(receiver);
    }
}
