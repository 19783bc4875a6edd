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
    "mintsPerDay": "uint32",
    "quoteSigner": "address",
    "quotesPerDay": "uint32",
    "market": "address",
    "resaleCurrency": "address",
    "treasury": "address",
    "feeReceiver": "address",
    "rules": "Rules",
    "tiers": "TierTerms[]",
    "deadline": "uint64",
}

RULES = {
    "resale": "bool",
    "capBps": "uint16",
    "giftLimit": "uint8",
    "giftCoolOff": "uint32",
    "freezeAt": "uint64",
    "resaleHold": "uint32",
    "maxPerWallet": "uint32",
}

TIER_TERMS = {"tier": "uint16", "face": "uint96", "paid": "uint64", "list": "uint64"}

QUOTE = {
    "id": "bytes32",
    "buyer": "address",
    "tier": "uint16",
    "quantity": "uint16",
    "currency": "address",
    "price": "uint256",
    "fee": "uint256",
    "deadline": "uint64",
}

LISTING = {
    "collection": "address",
    "tokenId": "uint256",
    "seller": "address",
    "epoch": "uint32",
    "currency": "address",
    "price": "uint256",
    "expiry": "uint64",
    "maxRoyaltyBps": "uint16",
    "maxFeeBps": "uint16",
    "counter": "uint64",
    "nonce": "bytes32",
}

OFFER = {
    "collection": "address",
    "tokenId": "uint256",
    "epoch": "uint32",
    "buyer": "address",
    "currency": "address",
    "price": "uint256",
    "expiry": "uint64",
    "counter": "uint64",
    "nonce": "bytes32",
}

TURN = {
    "collection": "address",
    "tokenId": "uint256",
    "epoch": "uint32",
    "seller": "address",
    "next": "address",
    "price": "uint256",
    "deadline": "uint64",
}

PERMIT = {
    "owner": "address",
    "spender": "address",
    "value": "uint256",
    "nonce": "uint256",
    "deadline": "uint256",
}
NO_PERMIT = (0, 0, 0, bytes(32), bytes(32))

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def sign(signer, primary, fields, message, *, name, contract, chain_id=31337, structs=None):
    """Sign typed data with a test account's key: 65 bytes r, s, v."""
    types = {primary: fields} | (structs or {})
    typed = {
        "types": {"EIP712Domain": DOMAIN}
        | {struct: [{"name": n, "type": t} for n, t in of.items()] for struct, of in types.items()},
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
    message = {
        **params,
        "rules": dict(zip(RULES, params["rules"], strict=True)),
        "tiers": [dict(zip(TIER_TERMS, terms, strict=True)) for terms in params["tiers"]],
        "deadline": deadline,
    }
    structs = {"Rules": RULES, "TierTerms": TIER_TERMS}
    return sign(
        signer,
        "CollectionConsent",
        CONSENT,
        message,
        name="Backstage Factory",
        contract=contract,
        structs=structs,
        **domain,
    )


def quote(signer, message, contract, **domain):
    return sign(signer, "TicketQuote", QUOTE, message, name="Backstage Tickets", contract=contract, **domain)


def listing(signer, message, contract, **domain):
    return sign(signer, "Listing", LISTING, message, name="Backstage Market", contract=contract, **domain)


def tree(signer, root, contract, **domain):
    fields = {"root": "bytes32"}
    return sign(signer, "ListingTree", fields, {"root": root}, name="Backstage Market", contract=contract, **domain)


def offer(signer, message, contract, **domain):
    return sign(signer, "Offer", OFFER, message, name="Backstage Market", contract=contract, **domain)


def turn(signer, message, contract, **domain):
    return sign(signer, "Turn", TURN, message, name="Backstage Market", contract=contract, **domain)


def permit(signer, token, spender, value, deadline):
    """An ERC-2612 approval as the contracts take it: (value, deadline, v, r, s)."""
    message = {
        "owner": signer.address,
        "spender": str(spender),
        "value": value,
        "nonce": token.nonces(signer),
        "deadline": deadline,
    }
    given = sign(signer, "Permit", PERMIT, message, name="Backstage", contract=token.address)
    return (value, deadline, given[64], given[:32], given[32:64])


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
