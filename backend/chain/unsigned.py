"""A complete transaction for somebody else's wallet to sign: we never hold a fan's or a guardian's key."""

from backend.chain import abi
from backend.chain.addresses import checksummed
from backend.chain.port import CallReverted, ChainPort
from backend.kit.errors import Conflict

_GAS_MARGIN_PERCENT = 20


class CallWouldRevert(Conflict):
    """The contract would refuse this transaction right now."""

    code = "call_would_revert"


def transaction_for_wallet(port: ChainPort, sender: bytes, to: bytes, data: bytes, value: int = 0) -> dict[str, str]:
    """Return an EIP-1559 transaction, quantities as hex, as eth_signTransaction and wallets take it.

    It is tried first: raises CallWouldRevert with the contract's own error in `details.reason`, and InsufficientFunds.
    """
    try:
        estimate = port.estimate_gas(sender, to, data, value)
    except CallReverted as reverted:
        name, _ = abi.decode_revert(None, reverted.data)
        described = abi.describe_revert(None, reverted.data)
        raise CallWouldRevert(f"The contract refuses this: {described}.", reason=name, call=described) from None
    fees = port.fees()
    return {
        "type": "0x2",
        "chainId": hex(port.chain_id()),
        "from": checksummed(sender),
        "to": checksummed(to),
        "nonce": hex(port.nonce(sender, "pending")),
        "gas": hex(estimate * (100 + _GAS_MARGIN_PERCENT) // 100),
        "maxFeePerGas": hex(fees.max_fee),
        "maxPriorityFeePerGas": hex(fees.priority_fee),
        "value": hex(value),
        "data": "0x" + data.hex(),
    }
