"""A key service that speaks the JSON of AWS KMS, as far as we use it: GetPublicKey and Sign, DER in base64.

It signs with fresh randomness as such services do, so half of its signatures have a high s. Run it for a local stack:
`python -m tests.simulators.kms --key alias/minter=0x...`, with any AWS_ACCESS_KEY_ID in the environment of who asks.
"""
