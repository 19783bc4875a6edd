"""What can be wrong with asking for a proof."""

from backend.kit.errors import Conflict, NotFound, Unavailable


class NoCheckpoint(NotFound):
    """No checkpoint holds this ticket yet: it was minted a moment ago, or never. Ask again in a minute."""

    code = "no_checkpoint"


class ProofNotReady(Unavailable):
    """The trees are being grown again after a rebuild of the index. Ask again in a minute."""

    code = "proof_not_ready"


class NothingToTake(Conflict):
    """There is nothing to say: nothing changed in final blocks since the last one, or the index is being rebuilt."""

    code = "nothing_to_take"


class CheckUnknown(NotFound):
    """There is no such check of the index."""

    code = "check_unknown"
