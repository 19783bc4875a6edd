"""What counts as a signature, to the last bit, and what each domain says of itself."""

import ape
import pytest
import signing
from eth_keys import keys
from eth_utils import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF = ORDER // 2


def digest_of(domain_separator, struct_hash):
    return keccak(b"\x19\x01" + domain_separator + struct_hash)


def word(value):
    return int(value, 16).to_bytes(32, "big") if isinstance(value, str) else value.to_bytes(32, "big")


@pytest.fixture
def claim(people, tickets):
    return {
        "tokenId": tickets.escrowed,
        "recipient": people.cleo.address,
        "epoch": 0,
        "deadline": 2**63,
        "nonce": bytes(32),
    }


@pytest.fixture
def voucher_digest(collection, claim):
    """What the claim signer signs, put together by hand."""
    domain = keccak(
        keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
        + keccak(text="Backstage Tickets")
        + keccak(text="1")
        + word(31337)
        + word(collection.address)
    )
    kind = "ClaimVoucher(uint256 tokenId,address recipient,uint32 epoch,uint64 deadline,bytes32 nonce)"
    words = [word(claim[field]) for field in ("tokenId", "recipient", "epoch", "deadline")]
    return digest_of(domain, keccak(keccak(text=kind) + b"".join(words) + claim["nonce"]))


@pytest.mark.parametrize(("s", "counts"), [(1, True), (HALF, True), (HALF + 1, False), (ORDER - 1, False)])
@pytest.mark.parametrize("v", [27, 28])
def test_an_s_counts_up_to_half_the_order(collection, people, tickets, claim, voucher_digest, s, counts, v):
    # Any r and s are a signature of somebody: that somebody is made the claim signer.
    r = keccak(text="any point will do")
    while True:
        try:
            signer = keys.Signature(vrs=(v - 27, int.from_bytes(r, "big") % ORDER, s))
            key = signer.recover_public_key_from_msg_hash(voucher_digest)
            break
        except Exception:  # noqa: BLE001 - half of all numbers are on no point of the curve
            r = keccak(r)
    collection.setClaimSigner(key.to_checksum_address(), 3, sender=people.promoter)
    bent = word(int.from_bytes(r, "big") % ORDER) + word(s) + bytes([v])
    acceptance = signing.acceptance(people.cleo, claim, collection.address)
    if not counts:
        with ape.reverts(collection.BadVoucher):
            collection.claim(tuple(claim.values()), bent, acceptance, sender=people.relayer)
        return
    collection.claim(tuple(claim.values()), bent, acceptance, sender=people.relayer)
    assert collection.ownerOf(tickets.escrowed) == people.cleo


def test_each_contract_tells_its_whole_domain(collection, market, factory):
    names = {"Backstage Tickets": collection, "Backstage Market": market, "Backstage Factory": factory}
    for name, contract in names.items():
        told = tuple(contract.eip712Domain())
        assert told == (b"\x0f", name, "1", 31337, contract.address, bytes(32), [])
