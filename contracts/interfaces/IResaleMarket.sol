// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Permit} from "../libraries/Payments.sol";

/// @title Where fans sell tickets on: signed listings and offers, and buy-backs of the box office.
/// @notice It serves collections of its factory that named it as their market. It moves a ticket only by its holder's
///         signature or call, so no ERC-721 approval is ever given to it. Prices are in the collection's one resale
///         currency; seller + royalty + fee = price, to the base unit.
interface IResaleMarket {
    /// @notice What a seller signs. EIP-712 type:
    ///         Listing(address collection,uint256 tokenId,address seller,uint32 epoch,address currency,uint256 price,uint64 expiry,uint16 maxRoyaltyBps,uint16 maxFeeBps,uint64 counter,bytes32 nonce)
    /// @param epoch The ticket's epoch: once it has moved, the listing is dead.
    /// @param currency The collection's resale currency; zero for the native coin.
    /// @param price What the buyer pays, in the currency's base unit.
    /// @param expiry Unix seconds; good up to and including this moment.
    /// @param maxRoyaltyBps The highest royalty the seller accepts, in basis points of the price.
    /// @param maxFeeBps The highest fee of the market the seller accepts, in basis points of the price.
    /// @param counter The seller's counter; cancelAll raises it.
    /// @param nonce Makes two listings of one ticket different.
    struct Listing {
        address collection;
        uint256 tokenId;
        address seller;
        uint32 epoch;
        address currency;
        uint256 price;
        uint64 expiry;
        uint16 maxRoyaltyBps;
        uint16 maxFeeBps;
        uint64 counter;
        bytes32 nonce;
    }

    /// @notice What a buyer signs who wants one ticket. EIP-712 type:
    ///         Offer(address collection,uint256 tokenId,uint32 epoch,address buyer,address currency,uint256 price,uint64 expiry,uint64 counter,bytes32 nonce)
    struct Offer {
        address collection;
        uint256 tokenId;
        uint32 epoch;
        address buyer;
        address currency;
        uint256 price;
        uint64 expiry;
        uint64 counter;
        bytes32 nonce;
    }

    /// @notice What the box office signs (the collection's quote signer or owner): who takes over a ticket that its holder
    ///         sells back. The next in line has paid the box office before. EIP-712 type:
    ///         Turn(address collection,uint256 tokenId,uint32 epoch,address seller,address next,uint256 price,uint64 deadline)
    struct Turn {
        address collection;
        uint256 tokenId;
        uint32 epoch;
        address seller;
        address next;
        uint256 price;
        uint64 deadline;
    }

    /// @notice A ticket was sold, or bought back (kind 2: no royalty, no fee). Comes after the collection's TicketMoved.
    /// @param collection The collection.
    /// @param tokenId The ticket.
    /// @param seller Who sold.
    /// @param buyer Who holds the ticket now.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param price What the buyer paid (a buy-back: the fund).
    /// @param royaltyReceiver Whom ERC-2981 names; zero for a buy-back.
    /// @param royalty Its part of the price.
    /// @param feeReceiver Who gets the fee; zero for a buy-back.
    /// @param fee The market's part of the price.
    /// @param kind SALE (1) or BUYBACK (2), as in TicketMoved.
    /// @param orderHash The struct hash of the Listing, Offer or Turn.
    event Sale(
        address indexed collection,
        uint256 indexed tokenId,
        address indexed seller,
        address buyer,
        address currency,
        uint256 price,
        address royaltyReceiver,
        uint256 royalty,
        address feeReceiver,
        uint256 fee,
        uint8 kind,
        bytes32 orderHash
    );
    /// @notice The signer withdrew one listing or offer (its struct hash).
    /// @param signer Whose.
    /// @param orderHash The EIP-712 struct hash of the listing or offer.
    event OrderCancelled(address indexed signer, bytes32 indexed orderHash);
    /// @notice The signer withdrew all listings and offers that name a lower counter.
    /// @param signer Whose.
    /// @param counter What new listings and offers must name.
    event AllOrdersCancelled(address indexed signer, uint64 counter);
    /// @notice A payment was refused by its receiver and waits for withdraw.
    /// @param account For whom it waits.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param amount In base units of the currency.
    event Credited(address indexed account, address indexed currency, uint256 amount);
    /// @notice What waited was paid out.
    /// @param account For whom it waited.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param to Where it went.
    /// @param amount In base units of the currency.
    event CreditWithdrawn(address indexed account, address indexed currency, address to, uint256 amount);
    /// @notice The fee of sales from now on, and who gets it.
    /// @param receiver Who gets the fee.
    /// @param bps Basis points of the price.
    event FeeChanged(address indexed receiver, uint16 bps);
    /// @notice What the box office pays for tickets of a tier; zero stops.
    /// @param collection The collection.
    /// @param tier The tier's number.
    /// @param price For one ticket, in base units of the resale currency.
    event BuybackPriceChanged(address indexed collection, uint16 indexed tier, uint256 price);
    /// @notice Money for buy-backs came in (negative: went out to the owner); `balance` is what there is now.
    /// @param collection The collection.
    /// @param currency The collection's resale currency.
    /// @param change In base units.
    /// @param balance In base units.
    event BuybackFundChanged(address indexed collection, address indexed currency, int256 change, uint256 balance);

    /// @notice Not a collection of this market's factory.
    /// @param collection What was named.
    error UnknownCollection(address collection);
    /// @notice The listing's expiry, the offer's expiry or the turn's deadline has passed.
    error OrderExpired();
    /// @notice The signer has withdrawn this order.
    /// @param orderHash The EIP-712 struct hash of the listing or offer.
    error OrderWithdrawn(bytes32 orderHash);
    /// @notice The signer has withdrawn all orders of this counter.
    /// @param current The signer's counter.
    /// @param given What the order names.
    error StaleCounter(uint64 current, uint64 given);
    /// @notice The order is not its signer's.
    error BadSignature();
    /// @notice The price is above what the buyer said.
    /// @param max What the buyer said.
    /// @param price The listing's.
    error PriceAboveMax(uint256 max, uint256 price);
    /// @notice The royalty is above what the seller signed, in base units.
    /// @param max What the seller signed.
    /// @param royalty What ERC-2981 asks.
    error RoyaltyAboveMax(uint256 max, uint256 royalty);
    /// @notice The fee is above what the seller signed, in basis points.
    /// @param max What the seller signed.
    /// @param fee The market's.
    error FeeAboveMax(uint16 max, uint16 fee);
    /// @notice Less would be left for the seller than it said.
    /// @param min What the seller said.
    /// @param proceeds What would be left.
    error ProceedsBelowMin(uint256 min, uint256 proceeds);
    /// @notice Only the ticket's holder accepts offers or sells back.
    /// @param holder Who is (of a turn: whom it names).
    error NotHolder(address holder);
    /// @notice Offers are in tokens: nobody can take the native coin out of a wallet.
    error OfferInNativeCoin();
    /// @notice The box office's price for this tier is another (zero: it buys none back).
    /// @param current The box office's.
    /// @param given The turn's.
    error WrongBuybackPrice(uint256 current, uint256 given);
    /// @notice The fund holds less than is asked of it.
    /// @param balance What it holds.
    /// @param wanted What was asked.
    error BuybackFundTooLow(uint256 balance, uint256 wanted);
    /// @notice The quote signer's word buys the ticket back again from this moment on (Unix seconds); the owner's does now.
    /// @param readyAt BUYBACK_COOL_OFF after the last buy-back.
    error BuybackTooSoon(uint64 readyAt);
    /// @notice Nobody sells a ticket to itself.
    error SaleToOneself();
    /// @notice The promoter named an account for the royalty that could never pay it out: this market, or the collection.
    /// @param receiver Whom ERC-2981 names.
    error BadRoyaltyReceiver(address receiver);
    /// @notice Only the collection's owner.
    error NotCollectionOwner();
    /// @notice Fees are at most 1000 basis points.
    /// @param bps What was asked for.
    error FeeTooHigh(uint16 bps);
    /// @notice A fee needs a receiver.
    error FeeReceiverIsZero();
    /// @notice Nothing waits for this account in this currency.
    error NothingToWithdraw();
    /// @notice Money is never sent to the zero address.
    error ReceiverIsZero();

    // ---- selling and buying

    /// @notice Buys a listed ticket for the caller.
    /// @dev The signature is checked now, not when the listing was made. Reverts: Reentered, UnknownCollection,
    ///      OrderExpired, PriceAboveMax, OrderWithdrawn, StaleCounter, BadSignature, FeeAboveMax, SaleToOneself, the
    ///      collection's own (see ITicketRules.marketMove), BadRoyaltyReceiver, RoyaltyAboveMax, WrongValue,
    ///      WrongAmountReceived, PaymentFailed.
    /// @param l The listing; it names the token and the seller.
    /// @param signature The seller's (ECDSA or ERC-1271) over the listing or, with a proof, over
    ///        ListingTree(bytes32 root).
    /// @param proof Empty, or the siblings from the listing's struct hash up to the root (pairs sorted, keccak256).
    /// @param maxPrice The most the buyer pays.
    /// @param permit ERC-2612 approval to the market, or all zero.
    function buy(
        Listing calldata l,
        bytes calldata signature,
        bytes32[] calldata proof,
        uint256 maxPrice,
        Permit calldata permit
    ) external payable;

    /// @notice Sells the caller's ticket to a buyer who signed an offer.
    /// @dev Reverts: Reentered, UnknownCollection, OfferInNativeCoin, OrderExpired, NotHolder, OrderWithdrawn, StaleCounter,
    ///      BadSignature, SaleToOneself, BadRoyaltyReceiver, ProceedsBelowMin, WrongAmountReceived, PaymentFailed, and the
    ///      collection's own.
    /// @param o The offer.
    /// @param signature The buyer's (ECDSA or ERC-1271).
    /// @param minProceeds The least the seller accepts after royalty and fee.
    /// @param permit The buyer's ERC-2612 approval to the market, or all zero.
    function acceptOffer(Offer calldata o, bytes calldata signature, uint256 minProceeds, Permit calldata permit) external;

    /// @notice Sells the caller's ticket back to the box office; it goes straight to the next in line. The quote signer's
    ///         word does so once in BUYBACK_COOL_OFF for each ticket, whoever signed the last time; the owner's at any time.
    /// @dev Reverts: Reentered, UnknownCollection, ScopePaused(1), OrderExpired, NotHolder, WrongBuybackPrice,
    ///      BadSignature, BuybackTooSoon, BuybackFundTooLow, SaleToOneself, and the collection's own.
    /// @param t Who is next, and for what price the holder sells.
    /// @param signature The quote signer's or the owner's (ECDSA or ERC-1271).
    function sellBack(Turn calldata t, bytes calldata signature) external;

    // ---- taking back what was signed

    /// @notice Withdraws the caller's own listings or offers, by struct hash. Another's hash does nothing.
    /// @param orderHashes As hashListing and hashOffer give them.
    function cancel(bytes32[] calldata orderHashes) external;

    /// @notice Withdraws everything the caller signed so far.
    function cancelAll() external;

    /// @notice The counter a new listing or offer must name.
    /// @param signer Whose.
    /// @return Starts at 0.
    function counterOf(address signer) external view returns (uint64);

    /// @notice Whether the signer withdrew this order by itself.
    /// @param signer Whose.
    /// @param orderHash The EIP-712 struct hash of the listing or offer.
    /// @return True for good once it was withdrawn.
    function isCancelled(address signer, bytes32 orderHash) external view returns (bool);

    /// @notice The EIP-712 struct hash of a listing: what cancel, Sale and Merkle leaves name.
    /// @param l The listing.
    /// @return The struct hash, without the domain.
    function hashListing(Listing calldata l) external pure returns (bytes32);

    /// @notice The EIP-712 struct hash of an offer.
    /// @param o The offer.
    /// @return The struct hash, without the domain.
    function hashOffer(Offer calldata o) external pure returns (bytes32);

    /// @notice The EIP-712 struct hash of a turn.
    /// @param t The turn.
    /// @return The struct hash, without the domain.
    function hashTurn(Turn calldata t) external pure returns (bytes32);

    // ---- buy-back of the box office

    /// @notice Sets what the box office pays for tickets of a tier; zero stops. Only the collection's owner.
    /// @dev Reverts: UnknownCollection, NotCollectionOwner.
    /// @param collection The collection.
    /// @param tier The tier's number.
    /// @param price For one ticket, in base units of the resale currency.
    function setBuybackPrice(address collection, uint16 tier, uint256 price) external;

    /// @notice Puts money in for buy-backs, in the collection's resale currency. Anyone.
    /// @dev Reverts: Reentered, UnknownCollection, WrongValue, WrongAmountReceived, PaymentFailed.
    /// @param collection The collection.
    /// @param amount In base units.
    /// @param permit The caller's ERC-2612 approval to the market, or all zero.
    function fundBuyback(address collection, uint256 amount, Permit calldata permit) external payable;

    /// @notice Takes money out again. Only the collection's owner.
    /// @dev Reverts: Reentered, UnknownCollection, NotCollectionOwner, ReceiverIsZero, BuybackFundTooLow, PaymentFailed.
    /// @param collection The collection.
    /// @param amount In base units.
    /// @param to Where to; not zero.
    function withdrawBuyback(address collection, uint256 amount, address to) external;

    /// @notice What the box office pays for tickets of a tier; zero if it buys none back.
    /// @param collection The collection.
    /// @param tier The tier's number.
    /// @return In base units of the resale currency.
    function buybackPrice(address collection, uint16 tier) external view returns (uint256);

    /// @notice From when on the quote signer's word buys a ticket back again; zero if it never was bought back.
    /// @param collection The collection.
    /// @param tokenId The ticket.
    /// @return Unix seconds; may lie in the past.
    function buybackReadyAt(address collection, uint256 tokenId) external view returns (uint64);

    /// @notice What there is for buy-backs, in the collection's resale currency.
    /// @param collection The collection.
    /// @return In base units.
    function buybackFund(address collection) external view returns (uint256);

    // ---- money

    /// @notice What waits for an account because a payment to it was refused.
    /// @param account For whom it waits.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @return In base units.
    function creditOf(address account, address currency) external view returns (uint256);

    /// @notice Pays out what waits for the caller.
    /// @dev Reverts: Reentered, ReceiverIsZero, NothingToWithdraw, PaymentFailed.
    /// @param currency Zero for the native coin.
    /// @param to Where to, for an account that cannot receive it itself.
    function withdraw(address currency, address to) external;

    /// @notice The market's fee in basis points of the price, rounded down.
    /// @return At most 1000.
    function feeBps() external view returns (uint16);

    /// @notice Who gets the fee.
    /// @return Zero only while there is no fee.
    function feeReceiver() external view returns (address);

    /// @notice Sets the fee. Only the owner.
    /// @dev Reverts: Unauthorized, FeeTooHigh, FeeReceiverIsZero.
    /// @param receiver Who gets it; zero only with zero basis points.
    /// @param bps Basis points of the price, at most 1000.
    function setFee(address receiver, uint16 bps) external;

    /// @notice Whose collections this market serves.
    /// @return A CollectionFactory, for good.
    function factory() external view returns (address);
}
