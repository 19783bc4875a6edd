// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Permit} from "../libraries/Payments.sol";

/// @title Buying tickets from the collection itself, at a price the platform signed.
/// @notice Payment and tickets change hands in one transaction. What was paid waits here until it is withdrawn.
interface IBoxOffice {
    /// @notice A price for one buyer, good once. EIP-712 type:
    ///         TicketQuote(bytes32 id,address buyer,uint16 tier,uint16 quantity,address currency,uint256 price,uint256 fee,uint64 deadline)
    /// @param id Good once per collection.
    /// @param buyer Who pays, and who receives the tickets.
    /// @param tier The tickets' tier.
    /// @param quantity How many; at least 1.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param price What all of them cost together, in the currency's base unit.
    /// @param fee The platform's part of `price`.
    /// @param deadline Unix seconds; good up to and including this moment.
    struct Quote {
        bytes32 id;
        address buyer;
        uint16 tier;
        uint16 quantity;
        address currency;
        uint256 price;
        uint256 fee;
        uint64 deadline;
    }

    /// @notice A quote was paid and its tickets minted: ids `firstTokenId` and the `quantity - 1` after it.
    /// @param quoteId The id in the quote.
    /// @param buyer Who paid and received.
    /// @param firstTokenId The first ticket's id; the others follow.
    /// @param tier The tier's number.
    /// @param quantity How many.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param price What all of them cost together.
    /// @param fee The platform's part.
    event TicketsBought(
        bytes32 indexed quoteId,
        address indexed buyer,
        uint256 indexed firstTokenId,
        uint16 tier,
        uint16 quantity,
        address currency,
        uint256 price,
        uint256 fee
    );
    /// @notice Tickets were minted one by one (buy, safeMint), with consecutive ids. Comes before their Transfers.
    /// @param firstTokenId The first ticket's id; the others follow.
    /// @param quantity How many.
    /// @param tier The tier's number.
    event SinglesMinted(uint256 indexed firstTokenId, uint16 quantity, uint16 tier);
    /// @notice Whose quotes count, and how many tickets may be bought a day.
    /// @param signer Zero for nobody.
    /// @param perDay Tickets in one UTC day.
    event QuoteSignerChanged(address indexed signer, uint32 perDay);
    /// @notice Where the promoter's share goes; zero for the owner.
    /// @param treasury Zero for the owner.
    event TreasuryChanged(address indexed treasury);
    /// @notice Where the platform's share goes.
    /// @param receiver Zero only at setup, if the platform takes no share.
    event FeeReceiverChanged(address indexed receiver);
    /// @notice A share was paid out.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @param to Treasury or fee receiver.
    /// @param amount In base units of the currency.
    /// @param isFee True for the platform's share.
    event Withdrawn(address indexed currency, address indexed to, uint256 amount, bool isFee);

    /// @notice A quote is for its buyer only.
    /// @param buyer Whom the quote names.
    error NotTheBuyer(address buyer);
    /// @notice The quote names no tickets, or a fee above its price.
    error BadQuote();
    /// @notice The quote is not the quote signer's signature over exactly these terms.
    error BadQuoteSignature();
    /// @notice The quote was used before.
    /// @param id The id in the quote.
    error QuoteUsed(bytes32 id);
    /// @notice The tickets that may be bought today are used up.
    error QuoteLimitExceeded();
    /// @notice The wallet would hold more tickets from buy and claim than the rules allow.
    /// @param limit How many the rules allow.
    error WalletLimitExceeded(uint32 limit);
    /// @notice Nothing is due in this currency.
    error NothingDue();
    /// @notice The caller is not the fee receiver.
    error NotFeeReceiver();

    /// @notice Pays a quote and mints its tickets. Only its buyer. Calls no receiver.
    /// @dev The native coin must come with the call, exactly; of an ERC-20 exactly the price must arrive, by allowance or
    ///      permit. Reverts: Reentered, ScopePaused(1), NotTheBuyer, Expired, BadQuote, QuoteUsed, BadQuoteSignature,
    ///      QuoteLimitExceeded, SupplyExceeded, ReceiverNotAllowed, WalletLimitExceeded, WrongValue, WrongAmountReceived,
    ///      PaymentFailed.
    /// @param q The quote.
    /// @param signature The quote signer's (ECDSA or ERC-1271).
    /// @param permit ERC-2612 approval to the collection, or all zero. One that fails is ignored: the allowance decides.
    /// @return firstTokenId The first ticket's id; the others follow.
    function buy(Quote calldata q, bytes calldata signature, Permit calldata permit)
        external
        payable
        returns (uint256 firstTokenId);

    /// @notice Whether a quote was paid.
    /// @param id The id in the quote.
    /// @return True for good once it was paid.
    function isQuoteUsed(bytes32 id) external view returns (bool);

    /// @notice Tickets a wallet got by buy and claim.
    /// @param wallet The wallet.
    /// @return All it ever took, given away or not.
    function takenBy(address wallet) external view returns (uint32);

    /// @notice Whose quotes count; zero for nobody's.
    /// @return A wallet, or a contract that answers by ERC-1271.
    function quoteSigner() external view returns (address);

    /// @notice Tickets that may be bought by quote in one UTC day.
    /// @return The limit, not what is left of it today.
    function quotesPerDay() external view returns (uint32);

    /// @notice Sets the quote signer and its daily limit. Only the owner. Today's tickets stay counted.
    /// @param signer Zero for nobody.
    /// @param perDay Tickets in one UTC day.
    function setQuoteSigner(address signer, uint32 perDay) external;

    /// @notice Replaces the quote signer and keeps its limit; zero revokes. Owner or guardian.
    /// @param signer The new key; zero revokes.
    function rotateQuoteSigner(address signer) external;

    /// @notice What is due to the promoter and to the platform, in the currency's base unit.
    /// @param currency Zero for the native coin, else an ERC-20.
    /// @return promoter The promoter's share.
    /// @return platform The platform's share.
    function due(address currency) external view returns (uint256 promoter, uint256 platform);

    /// @notice Pays the promoter's share of a currency to the treasury. Anyone may call.
    /// @dev Reverts: Reentered, NothingDue, PaymentFailed.
    /// @param currency Zero for the native coin, else an ERC-20.
    function withdraw(address currency) external;

    /// @notice Pays the platform's share of a currency to the fee receiver. Anyone may call.
    /// @dev Reverts: Reentered, NothingDue, PaymentFailed.
    /// @param currency Zero for the native coin, else an ERC-20.
    function withdrawFees(address currency) external;

    /// @notice Where the promoter's share goes: what the owner named, or the owner.
    /// @return Never zero.
    function treasury() external view returns (address);

    /// @notice Sets the treasury; zero for the owner. Only the owner.
    /// @param treasury_ Zero for the owner, whoever that is then.
    function setTreasury(address treasury_) external;

    /// @notice Where the platform's share goes; zero if it takes none.
    /// @return Zero if there is no share.
    function feeReceiver() external view returns (address);

    /// @notice Hands the platform's share to another address. Only the fee receiver.
    /// @dev Reverts: NotFeeReceiver, ReceiverIsZero.
    /// @param receiver Who gets it from now on, and may hand it on; not zero.
    function setFeeReceiver(address receiver) external;
}
