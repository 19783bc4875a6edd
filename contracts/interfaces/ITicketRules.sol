// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The promoter's rules for moving tickets: resale, gifts, freeze, cap, recovery.
/// @notice Market and currency are fixed for good when the collection is made; the rest is the owner's to change, with an
///         event each time.
interface ITicketRules {
    /// @notice The rules that hold for every ticket.
    /// @param resale Whether tickets may be sold (kind SALE). A buy-back is possible either way.
    /// @param capBps The highest price in basis points of what was paid: 10000 is "not above what it cost".
    /// @param giftLimit How often a ticket may be given on before it is sold again, by its holder in person; 0 never. 255
    ///        without limit, and by approved accounts too: any marketplace settles as a gift then, past resale, cap, royalty.
    /// @param giftCoolOff Seconds that must pass after a ticket changed hands before it may be given on. Mint and claim do
    ///        not count as changing hands.
    /// @param freezeAt Unix seconds: from then on nothing is given, sold or bought back. 0 never.
    /// @param resaleHold Seconds after the mint in which a ticket of the minter's (paid by card) is neither sold nor bought back.
    /// @param maxPerWallet Tickets one wallet may get by buy and claim, all times together; 0 without limit.
    struct Rules {
        bool resale;
        uint16 capBps;
        uint8 giftLimit;
        uint32 giftCoolOff;
        uint64 freezeAt;
        uint32 resaleHold;
        uint32 maxPerWallet;
    }

    /// @notice What a ticket of a tier cost. A discount is a tier of its own.
    /// @param tier The tier's number.
    /// @param face Face value in base units of the resale currency.
    /// @param paid What was paid after discounts, in any unit.
    /// @param list The price before discounts in the same unit; not zero, not below `paid`.
    struct TierTerms {
        uint16 tier;
        uint96 face;
        uint64 paid;
        uint64 list;
    }

    /// @notice The owner replaced the rules.
    /// @param rules All of them.
    event RulesChanged(Rules rules);
    /// @notice A tier's terms were set, once and for all.
    /// @param tier The tier's number.
    /// @param face Face value in base units of the resale currency.
    /// @param paid What was paid after discounts.
    /// @param list The price before discounts, in the same unit.
    event TierPublished(uint16 indexed tier, uint96 face, uint64 paid, uint64 list);
    /// @notice The only market that may sell these tickets on, and the only currency it may take (zero: the native coin).
    /// @param market Zero for none.
    /// @param currency Zero for the native coin, else an ERC-20.
    event MarketFixed(address indexed market, address indexed currency);
    /// @notice The owner asked for a lost wallet's ticket to be moved; possible from `readyAt` (Unix seconds) on.
    /// @param tokenId The ticket.
    /// @param to The new wallet.
    /// @param epoch The ticket's epoch.
    /// @param readyAt Unix seconds.
    event RecoveryRequested(uint256 indexed tokenId, address indexed to, uint32 epoch, uint64 readyAt);
    /// @notice A recovery was withdrawn by the owner, refused by the holder, or ended by the operator's unlock.
    /// @param tokenId The ticket.
    /// @param by The owner, the holder or the operator.
    event RecoveryCancelled(uint256 indexed tokenId, address indexed by);

    /// @notice The caller is not the collection's market.
    error NotMarket();
    /// @notice The market moves tickets for SALE and BUYBACK only.
    /// @param kind What was asked for.
    error NotAMarketKind(uint8 kind);
    /// @notice The promoter allows no resale.
    error ResaleClosed();
    /// @notice Tickets are frozen since this moment (Unix seconds).
    /// @param since Unix seconds.
    error TicketsFrozen(uint64 since);
    /// @notice The ticket was given on as often as the rules allow.
    /// @param tokenId The ticket.
    /// @param limit Gifts between two sales.
    error GiftLimitReached(uint256 tokenId, uint8 limit);
    /// @notice Where gifts are limited only the holder itself gives: no approved account, no operator.
    error GiftNotByHolder();
    /// @notice The ticket may be given on from this moment (Unix seconds).
    /// @param tokenId The ticket.
    /// @param from Unix seconds.
    error GiftTooSoon(uint256 tokenId, uint64 from);
    /// @notice The ticket was paid by card and may be sold from this moment (Unix seconds).
    /// @param tokenId The ticket.
    /// @param until Unix seconds.
    error ResaleHeld(uint256 tokenId, uint64 until);
    /// @notice The price is above the ticket's cap, both in the resale currency.
    /// @param cap capOf the ticket.
    /// @param price What was asked for.
    error PriceAboveCap(uint256 cap, uint256 price);
    /// @notice Not the collection's one resale currency.
    /// @param expected The collection's.
    /// @param given What it was.
    error WrongCurrency(address expected, address given);
    /// @notice The tier's terms were never published, so its tickets have no cap and cannot be sold.
    /// @param tier The tier's number.
    error TierNotPublished(uint16 tier);
    /// @notice The tier's terms are set for good.
    /// @param tier The tier's number.
    error TierAlreadyPublished(uint16 tier);
    /// @notice Terms need a list price that is not zero and not below what was paid.
    /// @param tier The tier's number.
    error BadTierTerms(uint16 tier);
    /// @notice The owner hands out only tickets that it holds itself.
    /// @param tokenId The ticket.
    error NotHeldByOwner(uint256 tokenId);
    /// @notice A ticket in escrow is recovered by its claim.
    /// @param tokenId The ticket.
    error TicketInEscrow(uint256 tokenId);
    /// @notice Only a LOCKED ticket can be recovered.
    /// @param tokenId The ticket.
    error TicketNotLocked(uint256 tokenId);
    /// @notice No recovery of this ticket was asked for, or it was unlocked since.
    /// @param tokenId The ticket.
    error NoRecovery(uint256 tokenId);
    /// @notice The recovery may go through from this moment (Unix seconds).
    /// @param readyAt Unix seconds.
    error RecoveryTooSoon(uint64 readyAt);
    /// @notice The caller is neither the owner nor the ticket's holder.
    error NotOwnerOrHolder();

    /// @notice The rules as they stand.
    /// @return All of them.
    function rules() external view returns (Rules memory);

    /// @notice Replaces all rules. Only the owner.
    /// @dev Reverts: Unauthorized.
    /// @param rules_ All of them.
    function setRules(Rules memory rules_) external;

    /// @notice A tier's terms; all zero before they are published.
    /// @param tier The tier's number.
    /// @return Face value, paid and list price.
    function tierTerms(uint16 tier) external view returns (TierTerms memory);

    /// @notice Sets the terms of tiers, each once. Only the owner.
    /// @dev Reverts: Unauthorized, TierAlreadyPublished, BadTierTerms.
    /// @param terms Of tiers that have none yet.
    function publishTiers(TierTerms[] calldata terms) external;

    /// @notice The most a ticket may be sold for: face x paid / list x capBps / 10000 in the resale currency, rounded down once.
    /// @dev Reverts: TokenDoesNotExist, TierNotPublished.
    /// @param tokenId The ticket.
    /// @return In base units of the resale currency.
    function capOf(uint256 tokenId) external view returns (uint256);

    /// @notice When a ticket's resale hold ends, in Unix seconds; 0 for a ticket that never had one.
    /// @dev Reverts: TokenDoesNotExist.
    /// @param tokenId The ticket.
    /// @return May lie in the past.
    function resaleHeldUntil(uint256 tokenId) external view returns (uint64);

    /// @notice How often a ticket was given on since it was last sold (255 and more count as 255), and when it last changed
    ///         hands (Unix seconds; 0 since mint and claim).
    /// @dev Reverts: TokenDoesNotExist.
    /// @param tokenId The ticket.
    /// @return gifts How often since it was last sold.
    /// @return movedAt Unix seconds.
    function giftState(uint256 tokenId) external view returns (uint8 gifts, uint32 movedAt);

    /// @notice The only market that may sell these tickets on; zero for none.
    /// @return Fixed at setup.
    function market() external view returns (address);

    /// @notice The only currency they are sold on in; zero for the native coin.
    /// @return Fixed at setup.
    function resaleCurrency() external view returns (address);

    /// @notice Moves a ticket that its holder sold. Only the market, which has the holder's signature or call.
    /// @dev Reverts: NotMarket, NotAMarketKind, TokenDoesNotExist, StaleEpoch, ResaleClosed (SALE), WrongCurrency,
    ///      TierNotPublished, PriceAboveCap, ResaleHeld, and what every move reverts with: TicketNotLive, ScopePaused(4),
    ///      TicketsFrozen, ReceiverNotAllowed, ReceiverIsCollection, TransferFromIncorrectOwner.
    /// @param kind SALE or BUYBACK.
    /// @param from The holder.
    /// @param to The new holder.
    /// @param tokenId The ticket.
    /// @param epoch The ticket's epoch in what the holder agreed to.
    /// @param currency What it is paid in.
    /// @param price What is paid, in the currency's base unit.
    function marketMove(
        uint8 kind,
        address from,
        address to,
        uint256 tokenId,
        uint32 epoch,
        address currency,
        uint256 price
    ) external;

    /// @notice Hands tickets that the owner itself holds to guests (kind ISSUER): no gift rule, no freeze. Only the owner.
    /// @dev Reverts: Unauthorized, BadEntries (lists of different length), TokenDoesNotExist, NotHeldByOwner, TicketNotLive,
    ///      ReceiverNotAllowed, ReceiverIsCollection, TransferToZeroAddress.
    /// @param tokenIds The tickets.
    /// @param to Who receives them, one for each ticket.
    function issue(uint256[] calldata tokenIds, address[] calldata to) external;

    /// @notice Asks for a LOCKED ticket to be moved to its holder's new wallet after RECOVERY_DELAY. Only the owner; asking
    ///         again replaces and begins anew. Until it is done it ends by the holder's refusal or the operator's unlock.
    /// @dev Reverts: Unauthorized, TokenDoesNotExist, TicketInEscrow, TicketNotLocked, ReceiverIsZero.
    /// @param tokenId The ticket.
    /// @param to The holder's new wallet.
    function requestRecovery(uint256 tokenId, address to) external;

    /// @notice Ends a recovery. The owner, or the ticket's holder.
    /// @dev Reverts: TokenDoesNotExist, NotOwnerOrHolder, NoRecovery.
    /// @param tokenId The ticket.
    function cancelRecovery(uint256 tokenId) external;

    /// @notice Moves the ticket (kind RECOVERY) and unlocks it. Only the owner.
    /// @dev Reverts: Unauthorized, TokenDoesNotExist, NoRecovery, RecoveryTooSoon, TicketNotLocked, ReceiverNotAllowed,
    ///      ReceiverIsCollection.
    /// @param tokenId The ticket.
    function recover(uint256 tokenId) external;

    /// @notice What was asked for; zeros if nothing was, or if the ticket was unlocked since.
    /// @dev Reverts: TokenDoesNotExist.
    /// @param tokenId The ticket.
    /// @return to The new wallet.
    /// @return readyAt Unix seconds.
    function recovery(uint256 tokenId) external view returns (address to, uint64 readyAt);
}
