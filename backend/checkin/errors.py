"""What the door answers with an error instead of a scan."""

from backend.kit.errors import Conflict, NotFound


class DoorUnknown(NotFound):
    """There is no such event, or you do not work its door."""

    code = "door_unknown"


class ChallengeUnknown(NotFound):
    """There is no such challenge at your doors."""

    code = "challenge_unknown"


class NotOnChain(Conflict):
    """The ticket is not on the chain yet; it is paid, and will be there in a moment."""

    code = "not_on_chain"


class InEscrow(Conflict):
    """The ticket has not been claimed by a wallet yet: claim it with the code that came by e-mail, then come back."""

    code = "in_escrow"


class ClientNonceReused(Conflict):
    """Another scan of yours has this client_nonce: choose a new one for each scan."""

    code = "client_nonce_reused"
