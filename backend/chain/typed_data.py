"""EIP-712: documents that a wallet shows and signs, as the JSON that eth_signTypedData_v4 takes, and their digest.

Free of web3 and eth-account, so that a door may verify without them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from backend.chain.addresses import checksummed

Fields = Sequence[tuple[str, str]]
"""A struct's fields in order: (name, type)."""

_DOMAIN_FIELDS: Fields = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_SAFE_INTEGER = 2**53 - 1
_ADDRESS_LENGTH = 20


def document(
    *,
    name: str,
    version: str,
    chain_id: int,
    verifying_contract: bytes,
    types: Mapping[str, Fields],
    primary_type: str,
    message: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the complete typed data. Values may be ints, bytes, strings, lists and dicts; JSON-safe values come out.

    Integers beyond 2^53 - 1 become decimal strings, addresses get their checksum, other bytes become hex.
    """
    structs = {struct: [{"name": n, "type": t} for n, t in fields] for struct, fields in types.items()}
    return {
        "types": {"EIP712Domain": [{"name": n, "type": t} for n, t in _DOMAIN_FIELDS], **structs},
        "primaryType": primary_type,
        "domain": {
            "name": name,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": checksummed(verifying_contract),
        },
        "message": _json_struct(types, primary_type, message),
    }


def digest(typed_data: Mapping[str, Any]) -> bytes:
    """Return the 32 bytes that are signed: keccak256(0x1901 || domain separator || struct hash)."""
    types: Mapping[str, Fields] = {
        struct: [(field["name"], field["type"]) for field in fields] for struct, fields in typed_data["types"].items()
    }
    domain = _hash_struct(types, "EIP712Domain", typed_data["domain"])
    return keccak(b"\x19\x01" + domain + _hash_struct(types, typed_data["primaryType"], typed_data["message"]))


def struct_hash(types: Mapping[str, Fields], primary_type: str, message: Mapping[str, Any]) -> bytes:
    """Return hashStruct(message) of EIP-712."""
    return _hash_struct(types, primary_type, message)


def _json_struct(types: Mapping[str, Fields], struct: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _json(types, kind, values[name]) for name, kind in types[struct]}


def _json(types: Mapping[str, Fields], kind: str, value: Any) -> Any:
    if kind.endswith("]"):
        return [_json(types, kind[: kind.rindex("[")], item) for item in value]
    if kind in types:
        return _json_struct(types, kind, value)
    if kind == "address":
        return checksummed(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return str(value)
    return value


def _hash_struct(types: Mapping[str, Fields], struct: str, values: Mapping[str, Any]) -> bytes:
    encoded = [_encode(types, kind, values[name]) for name, kind in types[struct]]
    return keccak(keccak(_encode_type(types, struct).encode()) + b"".join(encoded))


def _encode_type(types: Mapping[str, Fields], struct: str) -> str:
    """Spell out the struct, then the structs it uses by name."""
    used = sorted(_used(types, struct) - {struct})
    return "".join(f"{name}({','.join(f'{t} {n}' for n, t in types[name])})" for name in [struct, *used])


def _used(types: Mapping[str, Fields], struct: str) -> set[str]:
    found = {struct}
    for _, kind in types[struct]:
        inner = kind.partition("[")[0]
        if inner in types and inner not in found:
            found |= _used(types, inner)
    return found


def _encode(types: Mapping[str, Fields], kind: str, value: Any) -> bytes:
    if kind.endswith("]"):
        return keccak(b"".join(_encode(types, kind[: kind.rindex("[")], item) for item in value))
    if kind in types:
        return _hash_struct(types, kind, value)
    if kind == "string":
        return keccak(value.encode())
    raw = bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else value
    if kind == "bytes":
        return keccak(raw)
    if kind == "address":
        if len(raw) != _ADDRESS_LENGTH:
            raise ValueError(f"an address has {_ADDRESS_LENGTH} bytes, not {len(raw)}")
        return bytes(12) + bytes(raw)
    if kind.startswith(("uint", "int")) and not isinstance(raw, int):
        raw = int.from_bytes(raw) if isinstance(raw, bytes) else int(raw)
    from eth_abi.abi import encode  # noqa: PLC0415 - whoever only reads a chain imports this and never signs

    return encode([kind], [raw])
