// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC2981} from "solady/src/tokens/ERC2981.sol";
import {Guarded} from "./base/Guarded.sol";
import {TwoStepOwnable} from "./base/TwoStepOwnable.sol";
import {TypedData} from "./base/TypedData.sol";
import {ICollectionFactory} from "./interfaces/ICollectionFactory.sol";
import {ICollectionRoles} from "./interfaces/ICollectionRoles.sol";
import {IResaleMarket} from "./interfaces/IResaleMarket.sol";
import {ITicketCollection} from "./interfaces/ITicketCollection.sol";
import {Payments, Permit} from "./libraries/Payments.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Kind, Scope} from "./libraries/Words.sol";

/// @title Where fans sell tickets on, inside the promoter's rules, and the box office buys them back.
/// @notice A sale is one transaction: the ticket moves, the price is taken whole, seller, royalty and fee are paid.
/// @dev The ticket moves first, through a collection of our own factory: it calls nobody, and its cap bounds the price so
///      that what is computed from it cannot overflow.
contract ResaleMarket is IResaleMarket, TwoStepOwnable, TypedData, Guarded {
    /// @notice The highest fee, in basis points.
    uint16 public constant MAX_FEE_BPS = 1000;
    /// @notice Seconds after a buy-back in which the quote signer's word does not buy the same ticket back again.
    uint64 public constant BUYBACK_COOL_OFF = 1 days;

    uint256 private constant _BPS = 10_000;

    bytes32 private constant _LISTING_TYPEHASH = keccak256(
        "Listing(address collection,uint256 tokenId,address seller,uint32 epoch,address currency,uint256 price,uint64 expiry,"
        "uint16 maxRoyaltyBps,uint16 maxFeeBps,uint64 counter,bytes32 nonce)"
    );
    bytes32 private constant _TREE_TYPEHASH = keccak256("ListingTree(bytes32 root)");
    bytes32 private constant _OFFER_TYPEHASH = keccak256(
        "Offer(address collection,uint256 tokenId,uint32 epoch,address buyer,address currency,uint256 price,uint64 expiry,"
        "uint64 counter,bytes32 nonce)"
    );
    bytes32 private constant _TURN_TYPEHASH = keccak256(
        "Turn(address collection,uint256 tokenId,uint32 epoch,address seller,address next,uint256 price,uint64 deadline)"
    );

    /// @dev One sale while it is settled.
    struct Deal {
        address collection;
        uint256 tokenId;
        uint32 epoch;
        address seller;
        address buyer;
        address currency;
        uint256 price;
        address royaltyReceiver;
        uint256 royalty;
        address feeReceiver;
        uint256 fee;
        uint8 kind;
        bytes32 orderHash;
    }

    /// @inheritdoc IResaleMarket
    address public override factory;
    /// @inheritdoc IResaleMarket
    address public override feeReceiver;
    /// @inheritdoc IResaleMarket
    uint16 public override feeBps;

    /// @inheritdoc IResaleMarket
    mapping(address signer => uint64) public override counterOf;
    /// @inheritdoc IResaleMarket
    mapping(address signer => mapping(bytes32 orderHash => bool)) public override isCancelled;
    /// @inheritdoc IResaleMarket
    mapping(address collection => mapping(uint16 tier => uint256)) public override buybackPrice;
    /// @inheritdoc IResaleMarket
    mapping(address collection => uint256) public override buybackFund;
    /// @inheritdoc IResaleMarket
    mapping(address account => mapping(address currency => uint256)) public override creditOf;
    /// @inheritdoc IResaleMarket
    mapping(address collection => mapping(uint256 tokenId => uint64)) public override buybackReadyAt;

    /// @dev Only for collections that this market's factory made: their code is known.
    modifier known(address collection) {
        if (!ICollectionFactory(factory).isCollection(collection)) revert UnknownCollection(collection);
        _;
    }

    /// @dev Only the collection's owner.
    modifier onlyOwnerOf(address collection) {
        if (msg.sender != TwoStepOwnable(collection).owner()) revert NotCollectionOwner();
        _;
    }

    /// @notice Deploys a market for the collections of one factory.
    /// @param owner_ Who sets the fee; not zero (NewOwnerIsZeroAddress).
    /// @param factory_ Whose collections it serves, for good.
    /// @param feeReceiver_ Who gets the fee; not zero unless there is none (FeeReceiverIsZero).
    /// @param feeBps_ Basis points, at most 1000 (FeeTooHigh).
    constructor(address owner_, address factory_, address feeReceiver_, uint16 feeBps_) {
        if (owner_ == address(0)) revert NewOwnerIsZeroAddress();
        _initializeOwner(owner_);
        factory = factory_;
        _setFee(feeReceiver_, feeBps_);
    }

    // ---- selling and buying

    /// @inheritdoc IResaleMarket
    function buy(
        Listing calldata l,
        bytes calldata signature,
        bytes32[] calldata proof,
        uint256 maxPrice,
        Permit calldata permit
    ) external payable override guarded known(l.collection) {
        if (block.timestamp > l.expiry) revert OrderExpired();
        if (l.price > maxPrice) revert PriceAboveMax(maxPrice, l.price);
        Deal memory d;
        d.orderHash = hashListing(l);
        bytes32 signed = d.orderHash;
        if (proof.length != 0) {
            signed = keccak256(abi.encode(_TREE_TYPEHASH, _root(proof, signed)));
        }
        _checkOrder(l.seller, d.orderHash, l.counter, signed, signature);
        if (feeBps > l.maxFeeBps) revert FeeAboveMax(l.maxFeeBps, feeBps);

        (d.collection, d.tokenId, d.epoch) = (l.collection, l.tokenId, l.epoch);
        (d.seller, d.buyer, d.currency, d.price) = (l.seller, msg.sender, l.currency, l.price);
        d.kind = Kind.SALE;
        _moveTicket(d);
        _share(d);
        uint256 maxRoyalty = d.price * l.maxRoyaltyBps / _BPS;
        if (d.royalty > maxRoyalty) revert RoyaltyAboveMax(maxRoyalty, d.royalty);
        _settle(d, permit);
    }

    /// @inheritdoc IResaleMarket
    function acceptOffer(Offer calldata o, bytes calldata signature, uint256 minProceeds, Permit calldata permit)
        external
        override
        guarded
        known(o.collection)
    {
        if (o.currency == address(0)) revert OfferInNativeCoin();
        if (block.timestamp > o.expiry) revert OrderExpired();
        _checkHolder(o.collection, o.tokenId);
        Deal memory d;
        d.orderHash = hashOffer(o);
        _checkOrder(o.buyer, d.orderHash, o.counter, d.orderHash, signature);

        (d.collection, d.tokenId, d.epoch) = (o.collection, o.tokenId, o.epoch);
        (d.seller, d.buyer, d.currency, d.price) = (msg.sender, o.buyer, o.currency, o.price);
        d.kind = Kind.SALE;
        _moveTicket(d);
        _share(d);
        uint256 proceeds = d.price - d.royalty - d.fee;
        if (proceeds < minProceeds) revert ProceedsBelowMin(minProceeds, proceeds);
        _settle(d, permit);
    }

    /// @inheritdoc IResaleMarket
    function sellBack(Turn calldata t, bytes calldata signature) external override guarded known(t.collection) {
        // SALE stops what the quote signer signs, here as in the collection; RESALE is the collection's to look at.
        if (ITicketCollection(t.collection).paused() & Scope.SALE != 0) revert ICollectionRoles.ScopePaused(Scope.SALE);
        if (block.timestamp > t.deadline) revert OrderExpired();
        uint16 tier = _checkHolder(t.collection, t.tokenId);
        if (t.seller != msg.sender) revert NotHolder(t.seller);
        uint256 price = buybackPrice[t.collection][tier];
        if (price == 0 || t.price != price) revert WrongBuybackPrice(price, t.price);
        Deal memory d;
        d.orderHash = hashTurn(t);
        _checkTurn(t, _digest(d.orderHash), signature);
        buybackReadyAt[t.collection][t.tokenId] = uint64(block.timestamp) + BUYBACK_COOL_OFF;

        (d.collection, d.tokenId, d.epoch) = (t.collection, t.tokenId, t.epoch);
        (d.seller, d.buyer, d.price) = (msg.sender, t.next, price);
        d.currency = ITicketCollection(t.collection).resaleCurrency();
        d.kind = Kind.BUYBACK;
        _changeFund(d.collection, d.currency, price, false);
        _moveTicket(d);
        _emitSale(d);
        _payOut(d.currency, d.seller, price);
    }

    // ---- taking back what was signed

    /// @inheritdoc IResaleMarket
    function cancel(bytes32[] calldata orderHashes) external override {
        for (uint256 i; i < orderHashes.length; ++i) {
            isCancelled[msg.sender][orderHashes[i]] = true;
            emit OrderCancelled(msg.sender, orderHashes[i]);
        }
    }

    /// @inheritdoc IResaleMarket
    function cancelAll() external override {
        emit AllOrdersCancelled(msg.sender, ++counterOf[msg.sender]);
    }

    /// @inheritdoc IResaleMarket
    /// @dev The structs hold words only, so their calldata is what EIP-712 encodes.
    function hashListing(Listing calldata l) public pure override returns (bytes32) {
        return keccak256(abi.encode(_LISTING_TYPEHASH, l));
    }

    /// @inheritdoc IResaleMarket
    function hashOffer(Offer calldata o) public pure override returns (bytes32) {
        return keccak256(abi.encode(_OFFER_TYPEHASH, o));
    }

    /// @inheritdoc IResaleMarket
    function hashTurn(Turn calldata t) public pure override returns (bytes32) {
        return keccak256(abi.encode(_TURN_TYPEHASH, t));
    }

    // ---- buy-back of the box office

    /// @inheritdoc IResaleMarket
    function setBuybackPrice(address collection, uint16 tier, uint256 price)
        external
        override
        known(collection)
        onlyOwnerOf(collection)
    {
        buybackPrice[collection][tier] = price;
        emit BuybackPriceChanged(collection, tier, price);
    }

    /// @inheritdoc IResaleMarket
    function fundBuyback(address collection, uint256 amount, Permit calldata permit)
        external
        payable
        override
        guarded
        known(collection)
    {
        address currency = ITicketCollection(collection).resaleCurrency();
        _changeFund(collection, currency, amount, true);
        Payments.take(currency, msg.sender, amount, permit);
    }

    /// @inheritdoc IResaleMarket
    function withdrawBuyback(address collection, uint256 amount, address to)
        external
        override
        guarded
        known(collection)
        onlyOwnerOf(collection)
    {
        if (to == address(0)) revert ReceiverIsZero();
        address currency = ITicketCollection(collection).resaleCurrency();
        _changeFund(collection, currency, amount, false);
        Payments.pay(currency, to, amount);
    }

    // ---- money

    /// @inheritdoc IResaleMarket
    function withdraw(address currency, address to) external override guarded {
        if (to == address(0)) revert ReceiverIsZero();
        uint256 amount = creditOf[msg.sender][currency];
        if (amount == 0) revert NothingToWithdraw();
        creditOf[msg.sender][currency] = 0;
        emit CreditWithdrawn(msg.sender, currency, to, amount);
        Payments.pay(currency, to, amount);
    }

    /// @inheritdoc IResaleMarket
    function setFee(address receiver, uint16 bps) external override onlyOwner {
        _setFee(receiver, bps);
    }

    // ---- within

    /// @dev Reverts unless the order still stands and is its signer's. `signed` is the struct hash that was signed: the
    ///      order's own, or that of the tree it is in.
    function _checkOrder(address signer, bytes32 orderHash, uint64 counter, bytes32 signed, bytes calldata signature)
        private
        view
    {
        if (isCancelled[signer][orderHash]) revert OrderWithdrawn(orderHash);
        if (counterOf[signer] != counter) revert StaleCounter(counterOf[signer], counter);
        if (!Signatures.isValid(signer, _digest(signed), signature)) revert BadSignature();
    }

    /// @dev The root of the tree in which `leaf` has these siblings. A leaf is a hash of twelve words, a node of two: neither
    ///      can pass for the other.
    function _root(bytes32[] calldata proof, bytes32 leaf) private pure returns (bytes32 node) {
        node = leaf;
        for (uint256 i; i < proof.length; ++i) {
            node = keccak256(node < proof[i] ? abi.encode(node, proof[i]) : abi.encode(proof[i], node));
        }
    }

    /// @dev Reverts unless the caller holds the ticket; returns its tier.
    function _checkHolder(address collection, uint256 tokenId) private view returns (uint16) {
        (address holder, uint16 tier,,) = ITicketCollection(collection).ticket(tokenId);
        if (holder != msg.sender) revert NotHolder(holder);
        return tier;
    }

    /// @dev Reverts unless the box office signed the turn. The fund is the owner's money: it buys a ticket as often as it
    ///      likes. The quote signer's key is hot: two accounts that pass one ticket to and fro must not empty the fund by it.
    function _checkTurn(Turn calldata t, bytes32 digest, bytes calldata signature) private view {
        if (Signatures.isValid(TwoStepOwnable(t.collection).owner(), digest, signature)) return;
        address quoteSigner = ITicketCollection(t.collection).quoteSigner();
        if (!Signatures.isValid(quoteSigner, digest, signature)) revert BadSignature();
        uint64 readyAt = buybackReadyAt[t.collection][t.tokenId];
        if (block.timestamp < readyAt) revert BuybackTooSoon(readyAt);
    }

    /// @dev Moves the ticket under the collection's rules, and never to who holds it: that would only reset its gifts.
    function _moveTicket(Deal memory d) private {
        if (d.seller == d.buyer) revert SaleToOneself();
        ITicketCollection(d.collection).marketMove(
            d.kind, d.seller, d.buyer, d.tokenId, d.epoch, d.currency, d.price
        );
    }

    /// @dev Works out royalty and fee, both rounded down; the rest is the seller's.
    function _share(Deal memory d) private view {
        (d.royaltyReceiver, d.royalty) = ERC2981(d.collection).royaltyInfo(d.tokenId, d.price);
        // Neither has a way to take it out again.
        if (d.royaltyReceiver == address(this) || d.royaltyReceiver == d.collection) {
            revert BadRoyaltyReceiver(d.royaltyReceiver);
        }
        d.feeReceiver = feeReceiver;
        d.fee = d.price * feeBps / _BPS;
    }

    /// @dev Takes the price from the buyer and pays everybody.
    function _settle(Deal memory d, Permit calldata permit) private {
        Payments.take(d.currency, d.buyer, d.price, permit);
        _emitSale(d);
        _payOut(d.currency, d.seller, d.price - d.royalty - d.fee);
        _payOut(d.currency, d.royaltyReceiver, d.royalty);
        _payOut(d.currency, d.feeReceiver, d.fee);
    }

    /// @dev Pays, or keeps it for the receiver if it refuses.
    function _payOut(address currency, address to, uint256 amount) private {
        if (amount == 0 || Payments.tryPay(currency, to, amount)) return;
        creditOf[to][currency] += amount;
        emit Credited(to, currency, amount);
    }

    /// @dev Books money of the box office in or out.
    function _changeFund(address collection, address currency, uint256 amount, bool comesIn) private {
        uint256 balance = buybackFund[collection];
        if (!comesIn && amount > balance) revert BuybackFundTooLow(balance, amount);
        balance = comesIn ? balance + amount : balance - amount;
        buybackFund[collection] = balance;
        emit BuybackFundChanged(collection, currency, comesIn ? int256(amount) : -int256(amount), balance);
    }

    /// @dev Tells the index.
    function _emitSale(Deal memory d) private {
        emit Sale(
            d.collection,
            d.tokenId,
            d.seller,
            d.buyer,
            d.currency,
            d.price,
            d.royaltyReceiver,
            d.royalty,
            d.feeReceiver,
            d.fee,
            d.kind,
            d.orderHash
        );
    }

    /// @dev Writes the fee.
    function _setFee(address receiver, uint16 bps) private {
        if (bps > MAX_FEE_BPS) revert FeeTooHigh(bps);
        if (bps != 0 && receiver == address(0)) revert FeeReceiverIsZero();
        (feeReceiver, feeBps) = (receiver, bps);
        emit FeeChanged(receiver, bps);
    }

    /// @inheritdoc TypedData
    function _domainName() internal pure override returns (string memory) {
        return "Backstage Market";
    }
}
