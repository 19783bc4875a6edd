"""The currencies that contracts of ours take, by code and by address: the native coin and BKS."""

from backend.chain.deployments import deployment
from backend.kit.errors import Invalid

NATIVE_ADDRESS = bytes(20)
"""What stands for the native coin in a field for a token's address."""
NATIVE, BKS = "BNB", "BKS"


class UnknownCurrency(Invalid):
    """A currency that is not taken on the network."""

    code = "unknown_currency"


def address_of(network: str, code: str) -> bytes:
    """Return the token's address (20 bytes; zero for the native coin). Raises UnknownCurrency, NotDeployed."""
    if code == NATIVE:
        return NATIVE_ADDRESS
    if code == BKS:
        return deployment(network).address(BKS)
    raise UnknownCurrency(currency=code)


def code_of(network: str, address: bytes) -> str:
    """Return the currency's code, as `Money` knows it. Raises UnknownCurrency, NotDeployed."""
    if address == NATIVE_ADDRESS:
        return NATIVE
    if address == deployment(network).addresses.get(BKS):
        return BKS
    raise UnknownCurrency(currency="0x" + address.hex())
