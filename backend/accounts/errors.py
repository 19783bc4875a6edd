"""How signing in and granting are refused."""

from backend.kit.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class SignInRefused(Unauthenticated):
    """The sign-in does not hold: ask for a new nonce and sign the message it comes with.

    `details.reason` is one of: nonce, address, domain, uri, chain_id, issued_at, expired, not_yet, signature.
    """

    code = "sign_in_refused"


class MalformedSiwe(Invalid):
    """The message is not a Sign-In with Ethereum message (EIP-4361)."""

    code = "malformed_siwe"


class BadSignature(Invalid):
    """The signature is not one that this address gives for these words.

    `details.reason` is one of: length, recovery_id, high_s, range, zero_address, unrecoverable, other_signer,
    refused_by_wallet, malformed_wrapper, undeployed.
    """

    code = "bad_signature"


class NotYourOrganisation(Forbidden):
    """You do not manage this organisation."""

    code = "not_your_organisation"


class UnknownOrganisation(NotFound):
    """There is no such organisation."""

    code = "unknown_organisation"


class UnknownGrantEvent(Invalid):
    """The organisation has no such event."""

    code = "unknown_grant_event"


class WrongGrantScope(Invalid):
    """ADMIN names nothing, PROMOTER an organisation, STEWARD an organisation and one of its events."""

    code = "wrong_grant_scope"


class NoSuchGrant(NotFound):
    """Nobody with that address holds that role."""

    code = "no_such_grant"


class LastAdmin(Conflict):
    """The last admin stays: make another one first."""

    code = "last_admin"
