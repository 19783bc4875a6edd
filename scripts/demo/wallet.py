"""A wallet: one private key that signs exactly what it is given."""

from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount


class Wallet:
    """A plain wallet (EOA)."""

    def __init__(self, key: str | None = None) -> None:
        """Use `key`, or make a new one."""
        self._account: LocalAccount = Account.from_key(key) if key else Account.create()
        self.address: str = self._account.address

    def sign_text(self, text: str) -> str:
        """`personal_sign` (EIP-191)."""
        signed = self._account.sign_message(encode_defunct(text=text))
        return f"0x{signed.signature.hex()}"

    def sign_typed(self, typed_data: dict[str, Any]) -> str:
        """`eth_signTypedData_v4` (EIP-712)."""
        signed = self._account.sign_message(encode_typed_data(full_message=typed_data))
        return f"0x{signed.signature.hex()}"

    def sign_transaction(self, transaction: dict[str, Any]) -> str:
        """`eth_signTransaction`: the raw transaction, ready for eth_sendRawTransaction."""
        # The key signs for its own address; eth-account takes no `from`.
        fields = {name: value for name, value in transaction.items() if name != "from"}
        signed = self._account.sign_transaction(fields)
        return f"0x{signed.raw_transaction.hex()}"
