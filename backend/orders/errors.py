"""Everything an order can be refused for."""

from backend.kit.errors import BusinessError, Conflict, Invalid, NotFound


class OrderUnknown(NotFound):
    """There is no such order, or it is not yours."""

    code = "order_unknown"


class EmailMissing(Invalid):
    """Without signing in, an order needs an e-mail address to send the tickets' claim codes to."""

    code = "email_missing"


class EmailNotForAccounts(Invalid):
    """A signed-in buyer is known by the account; leave the e-mail address out."""

    code = "email_not_for_accounts"


class OverLimit(Conflict):
    """One buyer may not have so many tickets of this tier."""

    code = "over_limit"


class NotSoldFor(Conflict):
    """The tier is not sold for this currency."""

    code = "not_sold_for"


class OneTierPerQuote(Invalid):
    """An order paid on chain holds tickets of one tier: a quote names one."""

    code = "one_tier_per_quote"


class WalletMissing(Conflict):
    """Sign in with a wallet: what is paid on chain is paid by it and goes to it."""

    code = "wallet_missing"


class OrderClosed(Conflict):
    """The order no longer waits for a payment."""

    code = "order_closed"


class PaymentWindowOver(Conflict):
    """The time to pay this order is over; place a new one."""

    code = "payment_window_over"


class NotCancellable(Conflict):
    """The order cannot be cancelled any more."""

    code = "not_cancellable"


class NotRefundable(Conflict):
    """The order has no money to give back, or is giving it back already."""

    code = "not_refundable"


class OrderDisputed(Conflict):
    """The cardholder disputes the order's payment, or has won: a refund would give the money back twice."""

    code = "order_disputed"


class OrderNotStuck(Conflict):
    """Only an order that is STUCK is for a person to decide; somebody else may have decided it already."""

    code = "order_not_stuck"


class CannotHonour(Conflict):
    """The order cannot be honoured: `details.problem` says what is missing. Refund or void it."""

    code = "cannot_honour"


class NotWithdrawable(Conflict):
    """The refund cannot be withdrawn: there is none under way, its money may have gone, or the order had no tickets."""

    code = "refund_not_withdrawable"


class RefundFailedBefore(Conflict):
    """A refund with this reason failed before; look at why, then ask again with another reason."""

    code = "refund_failed_before"


class RefundWasReturned(Conflict):
    """A bank returned this refund: refund the order again, under another reason, instead of repeating it."""

    code = "refund_was_returned"


class IllegalStep(BusinessError):
    """The order cannot take this step from where it stands."""

    code = "illegal_step"
