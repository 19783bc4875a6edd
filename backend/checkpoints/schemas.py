"""What the API shows of checkpoints, proofs and checks."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from backend.accounts.addresses import AddressText, show_address
from backend.checkpoints.models import Checkpoint, IndexCheck
from backend.checkpoints.proofs import Proof

_HASH = "0x" + "ab" * 32
_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


class CheckpointOut(BaseModel):
    """A root over every ticket of a network at a final block. It never changes."""

    network: str = Field(examples=["eip155:56"])
    block_number: int = Field(examples=[61234567])
    block_hash: str = Field(examples=[_HASH])
    root: str = Field(examples=[_HASH])
    tokens: int = Field(description="Tickets ever minted, burned ones included", examples=[30000])
    collections: int = Field(examples=[12])
    taken_at: datetime

    @classmethod
    def of(cls, row: Checkpoint) -> "CheckpointOut":
        """Show a row."""
        return cls(
            network=row.network,
            block_number=row.block_number,
            block_hash=_hex(row.block_hash),
            root=_hex(row.root),
            tokens=row.tokens,
            collections=row.collections,
            taken_at=row.taken_at,
        )


class ProofOut(BaseModel):
    """That a checkpoint holds a ticket with this owner and status: everything `scripts/verify_inclusion.py` needs.

    leaf = keccak256(keccak256(abi.encode(address collection, uint256 token_id, address owner, uint8 status))). Going
    up, each pair is sorted and hashed by keccak256: OpenZeppelin's MerkleProof.verify and StandardMerkleTree.verify.
    """

    network: str = Field(examples=["eip155:56"])
    block_number: int = Field(description="The checkpoint's block, which is final", examples=[61234567])
    block_hash: str = Field(examples=[_HASH])
    root: str = Field(description="Of the whole network", examples=[_HASH])
    collection_root: str = Field(description="Of the collection; the root stands on it", examples=[_HASH])
    collection: AddressText
    token_id: int = Field(examples=[65536])
    owner: str = Field(
        description="Zero once burned; the collection's own address while in escrow",
        examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    )
    status: int = Field(description="As on chain: 0 LIVE, 1 LOCKED, 2 USED, 3 VOID", examples=[0])
    leaf: str = Field(examples=[_HASH])
    proof: list[str] = Field(description="The siblings, from the leaf up", examples=[[_HASH, _HASH]])
    compared: str | None = Field(
        description="What comparing this checkpoint with the contracts came to: AGREED, MISMATCH, DUE (not yet), "
        "REPAIRED or PASSED_OVER (a newer one was compared instead)",
        examples=["AGREED"],
    )

    @classmethod
    def of(cls, proof: Proof) -> "ProofOut":
        """Show a proof."""
        return cls(
            network=proof.checkpoint.network,
            block_number=proof.checkpoint.block_number,
            block_hash=_hex(proof.checkpoint.block_hash),
            root=_hex(proof.checkpoint.root),
            collection_root=_hex(proof.collection_root),
            collection=show_address(proof.collection),
            token_id=proof.holds.token_id,
            owner=show_address(proof.holds.owner),
            status=proof.holds.status,
            leaf=_hex(proof.leaf),
            proof=[_hex(sibling) for sibling in proof.siblings],
            compared=proof.status,
        )


class IndexCheckOut(BaseModel):
    """A comparison of the index with the contracts (CONTRACTS) or with its own facts (REPLAY)."""

    id: UUID = Field(examples=[_ID])
    network: str = Field(examples=["eip155:56"])
    kind: str = Field(description="CONTRACTS or REPLAY", examples=["CONTRACTS"])
    status: str = Field(description="DUE, AGREED, MISMATCH, REPAIRED or PASSED_OVER", examples=["AGREED"])
    since: datetime = Field(description="When it came to be so")
    compared: int = Field(description="Answers asked of contracts, or projections replayed", examples=[412])
    findings: list[str] = Field(
        description="What differs, in words; at most 50",
        examples=[["ticket 65536 of 0x..: the index has 0x.., the contract answers 0x.."]],
    )
    last_error: str | None = Field(description="Why a DUE one could not be run", examples=[None])

    @classmethod
    def of(cls, row: IndexCheck) -> "IndexCheckOut":
        """Show a row."""
        return cls(
            id=row.id,
            network=row.network,
            kind=row.kind,
            status=row.status,
            since=row.status_since,
            compared=row.compared,
            findings=row.findings,
            last_error=row.last_error,
        )
