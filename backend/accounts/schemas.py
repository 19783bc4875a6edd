"""What the routes of accounts take and give. Unknown fields are refused, so that nobody sends himself a role."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.accounts.addresses import AddressText
from backend.accounts.models import Role
from backend.accounts.proofs.siwe import LONGEST_MESSAGE
from backend.accounts.proofs.verify import LONGEST_SIGNATURE

_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_ID = "01931f3a-7c1e-7abc-8def-0123456789ab"
_MESSAGE = (
    f"tickets.example wants you to sign in with your Ethereum account:\n{_ADDRESS}\n\n"
    "Sign in to Backstage. This costs nothing and moves nothing.\n\nURI: https://tickets.example\nVersion: 1\n"
    "Chain ID: 56\nNonce: 9vTq1LzRw3XbK8pYc5NdAe\nIssued At: 2027-03-01T18:00:00.000Z\n"
    "Expiration Time: 2027-03-01T18:10:00.000Z"
)

GrantableRole = Literal[Role.PROMOTER, Role.STEWARD, Role.ADMIN]
SignatureText = Annotated[
    str,
    StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})+$", max_length=2 + 2 * LONGEST_SIGNATURE),
    Field(description="Hex. 65 bytes of a plain wallet (v is 27 or 28), ERC-1271 or ERC-6492 bytes of a contract's"),
]


class Request(BaseModel):
    """A request body: exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class NonceRequest(Request):
    """Who wants to sign in."""

    address: AddressText


class NonceGiven(BaseModel):
    """A nonce, inside the complete message to sign."""

    nonce: str = Field(examples=["9vTq1LzRw3XbK8pYc5NdAe"])
    message: str = Field(description="EIP-4361 text: sign exactly this with personal_sign", examples=[_MESSAGE])
    expires_at: datetime


class SignInRequest(Request):
    """The message and the wallet's signature of it."""

    message: str = Field(max_length=LONGEST_MESSAGE, examples=[_MESSAGE])
    signature: SignatureText = Field(examples=["0x" + "5a" * 64 + "1b"])


class AccountShown(BaseModel):
    """The account that signed in."""

    id: UUID = Field(examples=[_ID])
    address: AddressText


class SignedInShown(BaseModel):
    """A session."""

    token: str = Field(
        description="Send it as `Authorization: Bearer ...`; it is shown here only",
        examples=["mZ4nX0c2vT8bq1LzRw3XbK8pYc5NdAeUuV7hJ6gF0sQ"],
    )
    expires_at: datetime
    account: AccountShown


class OrganisationShown(BaseModel):
    """A promoter's business."""

    id: UUID = Field(examples=[_ID])
    name: str = Field(examples=["Night Owl Concerts AB"])


class Me(BaseModel):
    """Who you are and what you may do."""

    account_id: UUID = Field(examples=[_ID])
    address: AddressText | None
    roles: list[Role] = Field(examples=[["FAN", "PROMOTER"]])
    organisations: list[OrganisationShown] = Field(description="Those you manage as PROMOTER")
    steward_events: list[UUID] = Field(description="Events whose door you work as STEWARD")


class PromoterRequest(Request):
    """A new organisation and the wallet that manages it."""

    address: AddressText
    organisation_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        examples=["Night Owl Concerts AB"]
    )


class GrantRequest(Request):
    """A role, whose it is, and where it holds."""

    address: AddressText
    role: GrantableRole = Field(examples=["STEWARD"])
    organisation_id: UUID | None = Field(None, description="For PROMOTER and STEWARD", examples=[_ID])
    event_id: UUID | None = Field(None, description="For STEWARD", examples=[_ID])


class GrantShown(BaseModel):
    """A role that an account holds."""

    id: UUID = Field(examples=[_ID])
    account_id: UUID = Field(examples=[_ID])
    addresses: list[AddressText] = Field(description="The account's wallets")
    role: GrantableRole = Field(examples=["PROMOTER"])
    organisation_id: UUID | None
    event_id: UUID | None
    granted_by: UUID | None = Field(description="The granting account; null for the first admin")
    created_at: datetime


class PromoterShown(BaseModel):
    """The new organisation and its promoter's grant."""

    organisation: OrganisationShown
    grant: GrantShown
