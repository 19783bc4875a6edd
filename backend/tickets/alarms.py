"""How long mint jobs, batches and sends may stand where they stand, and what a person then does.

A job and a batch are as old as the payment and the closing: they pass through their states within minutes, so the age
of the whole is what a buyer feels.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from backend.chain import rules
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, SendStatus
from backend.kit.alarms import Action, Machine, Rests, Waits, watch
from backend.tickets.models import Batch, Claim, Collection, MintJob, Payout, Purchase, StatusChange, Ticket
from backend.tickets.states import (
    BatchStatus,
    ClaimStatus,
    CollectionStatus,
    JobStatus,
    PayoutStatus,
    PurchaseStatus,
    StatusChangeStatus,
    TicketStatus,
)

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_RETRY_JOB = Action("retry", "/v1/admin/mint-jobs/{id}/retry")
_REFUND = Action("refund", "/v1/admin/orders/{order_id}/refund")
_CANCEL_ITS_BATCH = Action("cancel_batch", "/v1/admin/batches/{batch_id}/cancel")
_RETRY_BATCH = Action("retry", "/v1/admin/batches/{id}/retry")
_CANCEL_BATCH = Action("cancel", "/v1/admin/batches/{id}/cancel")
_ALLOW_BATCH = Action("fee_ceiling", "/v1/admin/batches/{id}/fee-ceiling")
_ALLOW_SEND = Action("fee_ceiling", "/v1/admin/sends/{id}/fee-ceiling")
_HURRY = Action("retry", "/v1/admin/sends/{id}/retry")
_HURRY_ITS_SEND = Action("retry", "/v1/admin/sends/{send_id}/retry")
_RETRY_STATUS = Action("retry", "/v1/admin/status-changes/{id}/retry")
_HEALTH = Action("health", "/health", "GET")
_SENDS = Action("send", "/v1/admin/sends?subject_id={id}", "GET")
_BEFORE = Action("unfinished_statuses", "/v1/admin/sends?purpose=ticket_status", "GET")
_RETRY_COLLECTION = Action("retry", "/v1/admin/collections/{id}/retry")
_PURCHASES = Action("purchases", "/v1/admin/purchases", "GET")
_CLOSE = Action("close", "/v1/admin/purchases/{id}/close")
_PAYOUTS = Action("payouts", "/v1/admin/refund-payouts", "GET")
_WITHDRAW = Action("withdraw", "/v1/orders/{order_id}/refund/withdraw")
_OTHERWISE = Action("paid_otherwise", "/v1/admin/orders/{order_id}/refund/paid-otherwise")
_INDEX = "The mint is on chain and not final here: look at /health for the index, and at the network's finality."


def _of_job(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "order_id": row.order_id, "batch_id": row.batch_id}


def _of_claim(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "send_id": row.send_id}


def _of_payout(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "order_id": row.order_id, "refund_id": row.refund_id}


def _of_attempt(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "send_id": row.send_id}


watch(
    Machine(
        "mint_job",
        MintJob,
        MintJob.created_at,
        {
            "QUEUED": Waits(5 * _MINUTE, "Look at the batches before it: one in trouble holds all.", (_REFUND,)),
            "BATCHED": Waits(15 * _MINUTE, "Look at its batch and its send.", (_CANCEL_ITS_BATCH, _REFUND)),
            "MINTED": Waits(30 * _MINUTE, _INDEX, (_REFUND,)),
            "ESCROWED": Waits(30 * _MINUTE, _INDEX, (_REFUND,)),
            "STUCK": Waits(0, "Put its event's collection in order and retry, or refund.", (_RETRY_JOB, _REFUND)),
            "FINAL": Rests("The ticket is final on chain."),
            "REFUNDING": Rests("Given up; how far the money has come is its order's to say."),
        },
        JobStatus,
        reason=MintJob.last_error,
        identify=_of_job,
    )
)
watch(
    Machine(
        "batch",
        Batch,
        Batch.created_at,
        {
            "OPEN": Rests("Lasts only inside the transaction that closes it."),
            "CLOSED": Waits(15 * _MINUTE, "Look at its send: fee, nonce, signer.", (_CANCEL_BATCH,)),
            "WAITING": Waits(
                15 * _MINUTE,
                "Remove what the reason names, then retry; at the fee ceiling, allow it more; or cancel.",
                (_RETRY_BATCH, _ALLOW_BATCH, _CANCEL_BATCH),
            ),
            "OVERDUE": Waits(
                0,
                "At the fee ceiling: wait for the fee to fall, or allow this batch more (a cancellation pays it too). "
                "Else as WAITING.",
                (_RETRY_BATCH, _ALLOW_BATCH, _CANCEL_BATCH),
            ),
            "UNKNOWN": Waits(10 * _MINUTE, "The chain does not say what became of it.", (_RETRY_BATCH, _CANCEL_BATCH)),
            "CANCELLING": Waits(
                30 * _MINUTE,
                "Retry asks the chain which of the two landed; at the fee ceiling, allow it more.",
                (_RETRY_BATCH, _ALLOW_BATCH),
            ),
            "STUCK": Waits(0, "Read the reason, remove it, then retry or cancel.", (_RETRY_BATCH, _CANCEL_BATCH)),
            "LANDED": Waits(
                30 * _MINUTE, f"{_INDEX} Retry asks the chain, and sends what is not there.", (_RETRY_BATCH, _HEALTH)
            ),
            "FINAL": Rests("The mint is final."),
            "CANCELLED": Rests("Its jobs are queued again."),
        },
        BatchStatus,
        reason=Batch.last_error,
    )
)
watch(
    Machine(
        "send",
        ChainSend,
        ChainSend.status_since,
        {
            "QUEUED": Waits(5 * _MINUTE, "Is the worker running? Look at the sends before it.", (_HURRY,)),
            "WAITING": Waits(
                15 * _MINUTE, "Remove what the reason names: pause, balance, fee ceiling.", (_HURRY, _ALLOW_SEND)
            ),
            "OVERDUE": Waits(
                0, "As WAITING, past its deadline: allow more, or give its subject up.", (_HURRY, _ALLOW_SEND)
            ),
            "SENDING": Waits(10 * _MINUTE, "Look at its attempts: nonce, fee, and the nonce gap.", (_HURRY,)),
            "MINED": Waits(
                30 * _MINUTE, "It is in a block that does not become final: look at the network.", (_HURRY,)
            ),
            "UNKNOWN": Waits(10 * _MINUTE, "Its nonce was used by other bytes: retry asks the chain.", (_HURRY,)),
            "FINAL": Rests("It has happened."),
            "REVERTED": Rests("Its subject has a state for it."),
            "CANCELLED": Rests("Withdrawn, or done by other means."),
        },
        SendStatus,
        reason=ChainSend.reason,
    )
)
watch(
    Machine(
        "attempt",
        ChainAttempt,
        ChainAttempt.created_at,
        {
            "ALLOTTED": Waits(
                5 * _MINUTE,
                "Its key does not sign: all nonces behind it stand still. Put the key back, then retry its send.",
                (_HURRY_ITS_SEND,),
            ),
            "SIGNED": Waits(5 * _MINUTE, "No node takes its bytes.", (_HURRY_ITS_SEND,)),
            "BROADCAST": Waits(
                15 * _MINUTE,
                "No block takes it: compare its fee with the network's.",
                (_HURRY_ITS_SEND,),
            ),
            "MINED": Rests("Its send is MINED and has the alarm."),
            "REPLACED": Rests("Other bytes hold its nonce."),
            "FINAL": Rests("It has happened."),
            "REVERTED": Rests("Refused for good."),
            "DROPPED": Rests("It can never be mined."),
        },
        AttemptStatus,
        identify=_of_attempt,
        # What an attempt of a finished send is called no longer matters.
        where=(ChainAttempt.send_id.in_(select(ChainSend.id).where(ChainSend.status.in_(rules.OPEN_SENDS))),),
    )
)
watch(
    Machine(
        "status_change",
        StatusChange,
        StatusChange.created_at,
        {
            "WAITING": Waits(
                60 * _MINUTE, "Its ticket's mint, or the status before it, is not final: look there.", (_BEFORE,)
            ),
            "SENT": Waits(30 * _MINUTE, "Look at its send, and retry that.", (_SENDS,)),
            "STUCK": Waits(
                0,
                "The contract refused: compare ticket and chain, then retry.",
                (_RETRY_STATUS,),
            ),
            "DONE": Rests("The chain says it too."),
        },
        StatusChangeStatus,
        reason=StatusChange.last_error,
    )
)
watch(
    Machine(
        "ticket",
        Ticket,
        Ticket.created_at,
        {
            "PENDING": Rests("Its mint job has the alarm."),
            "LIVE": Rests("Its holder has it."),
            "LOCKED": Rests("Its order's refund or dispute has the alarm."),
            "USED": Rests("Its holder is inside."),
            "VOID": Rests("Worth nothing any more."),
        },
        TicketStatus,
    )
)
watch(
    Machine(
        "collection",
        Collection,
        # Of its first consent: a later one is measured by it, too, and alarms early rather than late.
        Collection.created_at,
        {
            "DRAFT": Rests("Nothing is signed; no committed row has it."),
            "CONSENTED": Waits(
                15 * _MINUTE, "Its metadata is not pinned: look at the content store.", (_RETRY_COLLECTION,)
            ),
            "DEPLOYING": Waits(
                30 * _MINUTE, "Look at its send: the deployer's balance, the fee.", (_RETRY_COLLECTION,)
            ),
            "UNKNOWN": Waits(15 * _MINUTE, "Retry asks whether it stands at its address.", (_RETRY_COLLECTION,)),
            "DEPLOYED": Waits(15 * _MINUTE, "It is not compared yet: does a node answer?", (_RETRY_COLLECTION,)),
            "MISMATCH": Waits(
                0,
                "It is not what was signed: see `mismatches`, have its owner mend it, then retry.",
                (_RETRY_COLLECTION,),
            ),
            "STUCK": Waits(
                0,
                "Read the reason; retry while the consent is valid, or have the promoter sign again.",
                (_RETRY_COLLECTION,),
            ),
            "LIVE": Rests("It stands as signed."),
        },
        CollectionStatus,
        reason=Collection.last_error,
    )
)
watch(
    Machine(
        "claim",
        Claim,
        Claim.created_at,
        {
            "PENDING": Rests("Lasts only inside the transaction that sends it."),
            "SENT": Waits(30 * _MINUTE, "Look at its send: pause, fee, the operator's balance.", (_HURRY_ITS_SEND,)),
            "DONE": Rests("The ticket is in its owner's wallet."),
            "FAILED": Rests("Its code is good again, and its owner is told why."),
        },
        ClaimStatus,
        reason=Claim.reason,
        identify=_of_claim,
    )
)
watch(
    Machine(
        "purchase",
        Purchase,
        Purchase.settled_at,
        {
            "UNATTRIBUTED": Waits(
                0, "Somebody else signed this quote: docs/runbooks/minter-compromise.md, then close it.", (_CLOSE,)
            ),
            "MISMATCH": Waits(
                0, "Its order is STUCK: decide there, by its resolution, and this is decided with it.", (_PURCHASES,)
            ),
            "SETTLED": Rests("It is what was quoted."),
            "HONOURED": Rests("A person looked: its buyer has the tickets."),
            "CLOSED": Rests("A person looked."),
        },
        PurchaseStatus,
        reason=Purchase.problem,
    )
)
watch(
    Machine(
        "payout",
        Payout,
        Payout.status_since,
        {
            "LOCKING": Waits(
                _HOUR, "Its tickets' lock is not final: look at their statuses' sends.", (_PAYOUTS, _WITHDRAW)
            ),
            "OWED": Waits(
                _DAY, "A wallet has to send it: its order's refund page has the transaction.", (_WITHDRAW, _OTHERWISE)
            ),
            "PREPARED": Waits(_DAY, "A wallet was given it and has not sent it: ask its owner.", (_OTHERWISE,)),
            "SENT": Waits(
                _HOUR, "Its transaction is not final, or not what was given: look it up.", (_PAYOUTS, _OTHERWISE)
            ),
            "STUCK": Waits(
                0, "Its tickets could not be locked where they were: read the problem.", (_WITHDRAW, _OTHERWISE)
            ),
            "PAID": Rests("The money is with the buyer."),
            "WITHDRAWN": Rests("Given up unsent."),
        },
        PayoutStatus,
        reason=Payout.problem,
        identify=_of_payout,
    )
)
