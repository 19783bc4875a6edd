"""What the tickets capability refuses, by name."""

from backend.kit.errors import Conflict, Forbidden, Invalid, NotFound, TooMany


class TicketUnknown(NotFound):
    """There is no such ticket, or none you may see."""

    code = "ticket_unknown"


class CollectionUnknown(NotFound):
    """No such collection is known, or the event has none yet."""

    code = "collection_unknown"


class TokenUnknown(NotFound):
    """The index knows no such token in this collection."""

    code = "token_unknown"


class ContentUnknown(NotFound):
    """No such file is kept by this installation."""

    code = "content_unknown"


class NoWallet(Conflict):
    """Sign in with a wallet: this has to be signed by one."""

    code = "no_wallet"


class NoGuardian(Conflict):
    """The platform has no guardian's address configured; set GUARDIAN_ADDRESS."""

    code = "no_guardian"


class ConsentExpired(Invalid):
    """The consent's deadline has passed or lies too far ahead: fetch the consent again and sign it."""

    code = "consent_expired"


class ConsentOutdated(Conflict):
    """The event changed while its consent was signed: fetch the consent again and sign it."""

    code = "consent_outdated"


class CollectionNotWaiting(Conflict):
    """The collection is LIVE: there is nothing to be looked at."""

    code = "collection_not_waiting"


class CollectionExists(Conflict):
    """The event's collection is being deployed, or is deployed already."""

    code = "collection_exists"


class TicketUsed(Conflict):
    """A ticket of the order has let somebody in: its money does not go back."""

    code = "ticket_used"


class TicketMoved(Conflict):
    """A ticket of the order was given away or sold on: its money is not its first buyer's to have back."""

    code = "ticket_moved"


class PayoutUnknown(NotFound):
    """No refund of this order waits for a wallet."""

    code = "payout_unknown"


class PurchaseUnknown(NotFound):
    """There is no such purchase on chain."""

    code = "purchase_unknown"


class PurchaseNotOpen(Conflict):
    """The purchase belongs to an order: decide about that."""

    code = "purchase_not_open"


class NotPaidOnChain(Conflict):
    """The order was not paid on chain: its money goes back the way it came, through the platform."""

    code = "not_paid_on_chain"


class PayoutNotReady(Conflict):
    """The refund cannot take this step now: `details.status` says where it stands."""

    code = "payout_not_ready"


class PayoutWithAnother(Conflict):
    """Another wallet was given this refund to pay: two of them might pay it twice."""

    code = "payout_with_another_wallet"


class PayoutUnclear(Conflict):
    """Your wallet has used the number this refund was prepared with: name that transaction, whatever it was."""

    code = "payout_unclear"


class PaymentNamedBefore(Conflict):
    """The transaction was named for another refund already."""

    code = "payment_named_before"


class NoQuote(Conflict):
    """No quote can be given: the order does not wait for a payment on chain. Begin one with the provider `crypto`."""

    code = "no_quote"


class NotEscrowed(Conflict):
    """The ticket is not waiting in escrow: it is not final on chain yet, or it is in a wallet already."""

    code = "not_escrowed"


class ClaimCodeInvalid(Invalid):
    """The claim code is wrong, used, replaced by a newer one or expired."""

    code = "claim_code_invalid"


class TooManyAttempts(TooMany):
    """Too many wrong claim codes from here: wait ten minutes and try again."""

    code = "too_many_claim_attempts"


class ClaimUnderWay(Conflict):
    """The ticket is being claimed already."""

    code = "claim_under_way"


class ClaimUnknown(NotFound):
    """There is no such claim."""

    code = "claim_unknown"


class ReceiverRefused(Conflict):
    """The address is a contract that the collection does not admit as a holder of tickets."""

    code = "receiver_refused"


class NotTheHolder(Forbidden):
    """Only the wallet that holds the ticket can give it away, and this one does not hold it."""

    code = "not_the_holder"


class NotTransferable(Conflict):
    """The ticket cannot be moved now: it is not final on chain, locked, used or void."""

    code = "not_transferable"


class BatchUnknown(NotFound):
    """There is no such batch."""

    code = "batch_unknown"


class MintJobUnknown(NotFound):
    """There is no such mint job."""

    code = "mint_job_unknown"


class NotStuck(Conflict):
    """Only a stuck mint job can be queued again."""

    code = "mint_job_not_stuck"


class StatusChangeUnknown(NotFound):
    """There is no such change of a ticket's status."""

    code = "status_change_unknown"


class StatusChangeNotStuck(Conflict):
    """Only a change that the contract refused, and before which no other is under way, can be sent again."""

    code = "status_change_not_stuck"


class ListBelowPrice(Invalid):
    """A tier's list price is what it cost before a discount: it cannot be below the price."""

    code = "list_below_price"


class FreezeInThePast(Invalid):
    """Tickets cannot freeze in the past: leave `freeze_at` out for when doors open, or null for never."""

    code = "freeze_in_the_past"


class TierTwice(Invalid):
    """The rules name a tier twice: `details.tier`."""

    code = "tier_twice"


class WalletLimitReached(Conflict):
    """The event lets a wallet take `details.limit` tickets, and this one has taken `details.taken` already."""

    code = "wallet_limit_reached"


class NoRecovery(Conflict):
    """Nobody asks for this ticket to be moved, or no longer: there is nothing to refuse."""

    code = "no_recovery"
