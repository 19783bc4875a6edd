"""What the person at the door reads, sees and hears."""

from dataclasses import dataclass
from enum import StrEnum

from backend.checkin.rules import Reason


class Colour(StrEnum):
    """What the screen turns to."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Sound(StrEnum):
    """What the device plays: `admit` once high, `ask` twice, `refuse` once low."""

    ADMIT = "admit"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Signal:
    """An answer for people. Amber means: something can be done about it here and now."""

    message: str
    colour: Colour
    sound: Sound


def _ask(message: str) -> Signal:
    return Signal(message, Colour.AMBER, Sound.ASK)


def _refuse(message: str) -> Signal:
    return Signal(message, Colour.RED, Sound.REFUSE)


ADMITTED = Signal("Welcome. Let them in.", Colour.GREEN, Sound.ADMIT)

REFUSED: dict[Reason, Signal] = {
    Reason.CHALLENGE_USED: _ask("This code was used already. Open a new one for this ticket."),
    Reason.CHALLENGE_EXPIRED: _ask("The code ran out before it was signed. Open a new one."),
    Reason.WRONG_EVENT: _refuse("This ticket is for another event."),
    Reason.EVENT_CANCELLED: _refuse("This event was cancelled. Nobody is let in."),
    Reason.DOORS_NOT_OPEN: _ask("Doors are not open yet. Ask them to come back when they are."),
    Reason.EVENT_OVER: _refuse("This event is over."),
    Reason.NOT_FINAL: _ask("The ticket has just moved and is still being confirmed. Try again in a moment."),
    Reason.STALE_EPOCH: _ask("The ticket changed hands since this code was opened. Open a new one."),
    Reason.BAD_SIGNATURE: _refuse("The signature is not valid: it does not come from a wallet."),
    Reason.FORMER_HOLDER: _refuse("This wallet held the ticket before, and has given it away."),
    Reason.WRONG_HOLDER: _refuse("This wallet does not hold the ticket. Ask for the wallet the ticket is in."),
    Reason.TICKET_VOID: _refuse("This ticket was cancelled and is no longer good."),
    Reason.ALREADY_ADMITTED: _refuse("Somebody is inside on this ticket already."),
    Reason.TICKET_LOCKED: _refuse("This ticket is locked while a dispute is open. Send them to the box office."),
}


def signal_for(reason: Reason | None) -> Signal:
    """Return what to show and play for an answer; None is an admission."""
    return ADMITTED if reason is None else REFUSED[reason]
