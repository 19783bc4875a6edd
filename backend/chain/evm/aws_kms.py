"""AWS KMS, or whatever speaks its JSON: an asymmetric key of the kind ECC_SECG_P256K1 that may only sign.

botocore signs the requests (SigV4) and finds the machine's credentials the way every AWS tool does: environment,
shared file, container or instance role.
"""

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from backend.chain.evm.kms import KeyServiceBusy, KeyServiceRefused

_ALGORITHM = "ECDSA_SHA_256"
"""Names the curve's size: with MessageType DIGEST the 32 bytes are signed as they are, keccak or not."""

_KIND, _USE = "ECC_SECG_P256K1", "SIGN_VERIFY"
_DIGEST_BYTES = 32
# Together well within a send's lease of 20 seconds.
_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 2, 4, 2
_PASSING = {
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "KMSInternalException",
    "DependencyTimeoutException",
    "KeyUnavailableException",
}


class AwsKey:
    """One key of AWS KMS by its id, ARN or alias."""

    def __init__(self, key_id: str, region: str, endpoint_url: str | None = None) -> None:
        """Prepare a client; nothing is asked yet. `endpoint_url` None: AWS's own of the region."""
        self._key_id = key_id
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
        )
        self._client = botocore.session.get_session().create_client(
            "kms", region_name=region, endpoint_url=endpoint_url, config=config
        )

    def public_key(self) -> bytes:
        """Return the public key in DER. Raises KeyServiceBusy, KeyServiceRefused (also for a key of another kind)."""
        answer = self._ask("get_public_key", KeyId=self._key_id)
        kind, use = answer.get("KeySpec"), answer.get("KeyUsage")
        if (kind, use) != (_KIND, _USE):
            raise KeyServiceRefused(f"The key must be {_KIND} for {_USE}, and is {kind} for {use}.", key=self._key_id)
        return bytes(answer["PublicKey"])

    def sign(self, digest: bytes) -> bytes:
        """Return a signature over 32 bytes, in DER. Raises KeyServiceBusy, KeyServiceRefused, ValueError."""
        if len(digest) != _DIGEST_BYTES:
            raise ValueError(f"a digest has {_DIGEST_BYTES} bytes, not {len(digest)}")
        answer = self._ask(
            "sign", KeyId=self._key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=_ALGORITHM
        )
        return bytes(answer["Signature"])

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return dict(getattr(self._client, operation)(**arguments))
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            kind = KeyServiceBusy if code in _PASSING or status >= 500 else KeyServiceRefused  # noqa: PLR2004 - HTTP
            raise kind(f"The key service answers {code}.", key=self._key_id, answer=code) from None
        except (HTTPClientError, NoConnection) as error:
            raise KeyServiceBusy(f"No answer: {type(error).__name__}.", key=self._key_id) from None
        except (BotoCoreError, ResponseParserError) as error:
            # No credentials, no region, nonsense instead of JSON: a person has to see to it.
            raise KeyServiceRefused(f"Not asked: {type(error).__name__}.", key=self._key_id) from None
