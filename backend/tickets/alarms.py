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
from backend.tickets.models import Batch, MintJob, StatusChange
from backend.tickets.states import BatchStatus, JobStatus, StatusChangeStatus

_MINUTE = 60
_RETRY_JOB = Action("retry", "/v1/admin/mint-jobs/{id}/retry")
_REFUND = Action("refund", "/v1/admin/orders/{order_id}/refund")
_CANCEL_ITS_BATCH = Action("cancel_batch", "/v1/admin/batches/{batch_id}/cancel")
_RETRY_BATCH = Action("retry", "/v1/admin/batches/{id}/retry")
_CANCEL_BATCH = Action("cancel", "/v1/admin/batches/{id}/cancel")
_HURRY = Action("retry", "/v1/admin/sends/{id}/retry")
_HURRY_ITS_SEND = Action("retry", "/v1/admin/sends/{send_id}/retry")
_RETRY_STATUS = Action("retry", "/v1/admin/status-changes/{id}/retry")
_INDEX = "The mint is on chain and not final here: look at /health for the index, and at the network's finality."


def _of_job(row: Any) -> dict[str, UUID | None]:
    return {"id": row.id, "order_id": row.order_id, "batch_id": row.batch_id}


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
                15 * _MINUTE, "Remove what the reason names, then retry; or cancel.", (_RETRY_BATCH, _CANCEL_BATCH)
            ),
            "OVERDUE": Waits(
                0, "Wait for the fee to fall, allow this batch more, or cancel it.", (_RETRY_BATCH, _CANCEL_BATCH)
            ),
            "UNKNOWN": Waits(10 * _MINUTE, "The chain does not say what became of it.", (_RETRY_BATCH, _CANCEL_BATCH)),
            "CANCELLING": Waits(30 * _MINUTE, "Retry asks the chain which of the two landed.", (_RETRY_BATCH,)),
            "STUCK": Waits(0, "Read the reason, remove it, then retry or cancel.", (_RETRY_BATCH, _CANCEL_BATCH)),
            "LANDED": Waits(30 * _MINUTE, _INDEX),
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
            "WAITING": Waits(15 * _MINUTE, "Remove what the reason names: pause, balance, fee ceiling.", (_HURRY,)),
            "OVERDUE": Waits(0, "As WAITING, past its deadline: allow more, or give its subject up.", (_HURRY,)),
            "SENDING": Waits(10 * _MINUTE, "Look at its attempts: nonce, fee, and the nonce gap.", (_HURRY,)),
            "MINED": Waits(30 * _MINUTE, "It is in a block that does not become final: look at the network."),
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
            "WAITING": Waits(60 * _MINUTE, "Its ticket's mint, or the status before it, is not final: look there."),
            "SENT": Waits(30 * _MINUTE, "Look at its send: GET /v1/admin/sends."),
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
