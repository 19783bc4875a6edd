"""What payments refuse."""

from backend.kit.errors import Conflict, Invalid, NotFound


class PaymentUnknown(NotFound):
    """There is no such payment."""

    code = "payment_unknown"


class RefundUnknown(NotFound):
    """There is no such refund."""

    code = "refund_unknown"


class ProviderEventUnknown(NotFound):
    """There is no such message of a provider."""

    code = "provider_event_unknown"


class NotStuck(Conflict):
    """Only what is STUCK can be tried again."""

    code = "not_stuck"


class AlreadyPaid(Conflict):
    """It has been paid for already."""

    code = "already_paid"


class PaymentOpen(Conflict):
    """Another payment for this is still open: finish it, or wait until it has expired."""

    code = "payment_open"


class CurrencyNotTaken(Invalid):
    """The way to pay does not take the currency: BNB and BKS are paid with `crypto`, and only they are."""

    code = "currency_not_taken"


class NotRefundable(Conflict):
    """Only a payment that succeeded can be refunded."""

    code = "payment_not_refundable"


class PaymentDisputed(Conflict):
    """The cardholder's bank has the payment's money, or may take it: a refund would give it back twice."""

    code = "payment_disputed"


class RefundTooLarge(Conflict):
    """The refunds of a payment cannot add up to more than was paid."""

    code = "refund_too_large"


class RefundDiffers(Conflict):
    """A refund of another amount was asked for with the same reason."""

    code = "refund_differs"
