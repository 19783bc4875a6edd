"""EIP-712 as a wallet does it: written down a second time, so that the contracts are not checked against themselves."""

from eth_account import Account

DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]

CLAIM = {
    "tokenId": "uint256",
    "recipient": "address",
    "epoch": "uint32",
    "deadline": "uint64",
    "nonce": "bytes32",
}

CONSENT = {
    "promoter": "address",
    "eventRef": "bytes32",
    "version": "uint32",
    "name": "string",
    "symbol": "string",
    "baseURI": "string",
    "maxSupply": "uint64",
    "royaltyReceiver": "address",
    "royaltyBps": "uint96",
    "minter": "address",
    "minterAllowance": "uint64",
    "claimSigner": "address",
    "claimsPerDay": "uint32",
    "operator": "address",
    "guardian": "address",
    "deadline": "uint64",
}

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def sign(signer, primary, fields, message, *, name, contract, chain_id=31337):
    """Sign typed data with a test account's key: 65 bytes r, s, v."""
    typed = {
        "types": {"EIP712Domain": DOMAIN, primary: [{"name": n, "type": t} for n, t in fields.items()]},
        "primaryType": primary,
        "domain": {"name": name, "version": "1", "chainId": chain_id, "verifyingContract": contract},
        "message": message,
    }
    return bytes(Account.sign_typed_data(signer.private_key, full_message=typed).signature)


def voucher(signer, claim, contract, **domain):
    return sign(signer, "ClaimVoucher", CLAIM, claim, name="Backstage Tickets", contract=contract, **domain)


def acceptance(signer, claim, contract, **domain):
    return sign(signer, "ClaimAcceptance", CLAIM, claim, name="Backstage Tickets", contract=contract, **domain)


def consent(signer, params, deadline, contract, **domain):
    message = {**params, "deadline": deadline}
    return sign(signer, "CollectionConsent", CONSENT, message, name="Backstage Factory", contract=contract, **domain)


def high_s(signature):
    """The other signature of the same key over the same message, which must not count."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return r + (ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - v])


def spoiled(signature):
    """Every way to bend a good signature that must be refused."""
    return {
        "empty": b"",
        "one byte short": signature[:-1],
        "one byte long": signature + b"\0",
        "compact (EIP-2098)": signature[:32]
        + (int.from_bytes(signature[32:64], "big") | ((signature[64] - 27) << 255)).to_bytes(32, "big"),
        "v of 0 or 1": signature[:64] + bytes([signature[64] - 27]),
        "the other v": signature[:64] + bytes([55 - signature[64]]),
        "high s": high_s(signature),
        "s of zero": signature[:32] + bytes(32) + signature[64:],
        "all zero": bytes(64) + b"\x1b",
    }
