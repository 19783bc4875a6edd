"""Everything that is set from outside, read from the environment once and checked at start.

In production a missing or weak secret refuses to start, with a message that says which variable to set.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SHORTEST_SECRET = 32
_DEVELOPMENT_SECRET = "development-only-secret-key-0123456789abcdef"  # noqa: S105 - refused in production
_LIVE_KEYS = ("sk_live_", "rk_live_")
MAIN_NETWORKS = frozenset({"eip155:1", "eip155:56"})
"""Networks on which a ticket costs its buyer real money: Ethereum and BSC."""
SIGNER_ROLES = ("minter", "claim", "operator", "deployer", "quote", "rewards")
_TWO_WEEKS = 14 * 24 * 3600


def _has_host(url: str, schemes: set[str]) -> bool:
    parts = urlparse(url)
    return parts.scheme in schemes and bool(parts.hostname)


class Settings(BaseSettings):
    """Environment variables are these names in upper case; `.env.example` lists them with examples."""

    model_config = SettingsConfigDict(env_file=None, env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["development", "test", "production"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    public_url: str = Field("http://localhost:8000", description="Where people reach the API; SIWE's domain and URI")
    secret_key: str = Field(
        _DEVELOPMENT_SECRET, description="Derives order secrets and hashes claim codes; 32 characters or more"
    )

    database_url: str = "postgresql://backstage_app@localhost/backstage"
    index_database_url: str | None = Field(None, description="The indexer's role; the API's when not set")
    migrate_database_url: str | None = Field(None, description="The owner's role, for migrations only")
    redis_url: str = "redis://localhost:6379/0"

    evm_network: str = Field("eip155:31337", pattern=r"^eip155:[1-9][0-9]{0,19}$", description="CAIP-2")
    evm_rpc_url: str = Field("http://localhost:8545", description="JSON-RPC of one node, or of several with commas")
    evm_ws_url: str | None = Field(
        None,
        description="Where the indexer hears of new blocks, several with commas; None: at the addresses of evm_rpc_url "
        "with ws:// or wss://; `off`: nowhere, it polls",
    )
    finality_depth: int | None = Field(None, ge=0, le=10_000, description="Blocks; None asks for the finalized tag")
    fee_ceiling_gwei: Decimal | None = Field(
        None, gt=0, le=1_000_000, description="The most we offer a unit of gas; None: what is usual on the network"
    )
    priority_fee_gwei: Decimal | None = Field(
        None, ge=0, le=1_000_000, description="Offered on top of the base fee; None: what the market pays"
    )
    mint_deadline_seconds: int = Field(900, ge=1, description="A call not mined by then is OVERDUE")
    deployments_dir: Path = Path("contracts/deployments")
    guardian_address: str | None = Field(None, pattern=r"^0x[0-9a-fA-F]{40}$", description="The wallet that may pause")
    default_minter_allowance: int = Field(100_000, ge=0, description="Tickets, when the promoter names none")
    claims_per_day: int = Field(10_000, ge=0)
    mints_per_day: int = Field(100_000, ge=0, lt=2**32, description="Tickets a day and collection, by the minter")
    quotes_per_day: int = Field(10_000, ge=0, lt=2**32, description="Tickets a day and collection, by quotes")
    fee_receiver_address: str | None = Field(
        None,
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="Takes the platform's share on chain; the guardian when not set",
    )
    resale_hold_seconds: int | None = Field(
        None, ge=0, lt=2**32, description="Card-bought tickets are not resold so long; 14 days, in development none"
    )

    minter_key: str | None = None
    claim_key: str | None = None
    operator_key: str | None = None
    deployer_key: str | None = None
    quote_key: str | None = None
    rewards_key: str | None = None
    minter_keystore: Path | None = None
    claim_keystore: Path | None = None
    operator_keystore: Path | None = None
    deployer_keystore: Path | None = None
    quote_keystore: Path | None = None
    rewards_keystore: Path | None = None
    keystore_password: str | None = None
    minter_kms_key: str | None = Field(None, description="Id, ARN or alias of a key in AWS KMS, instead of a keystore")
    claim_kms_key: str | None = None
    operator_kms_key: str | None = None
    deployer_kms_key: str | None = None
    quote_kms_key: str | None = None
    rewards_kms_key: str | None = None
    kms_region: str | None = None
    kms_endpoint_url: str | None = Field(None, description="Another address that speaks the JSON of AWS KMS")

    stripe_api_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_base: str | None = Field(None, description="Another address for Stripe's API, such as the simulator's")
    checkout_success_url: str = "http://localhost:8000/docs#paid"
    checkout_cancel_url: str = "http://localhost:8000/docs#cancelled"

    ipfs_api: str | None = Field(None, description="Kubo's API as a multiaddr; the embedded store when not set")
    content_dir: Path = Path(".backstage/content")

    rewards_per_order: int = Field(0, ge=0, description="BKS base units an order earns its buyer; 0: no rewards")
    rewards_from: dict[str, int] = Field(
        default_factory=dict,
        description="The least an order must come to, by currency (smallest units); other currencies earn nothing",
    )
    rewards_worth: dict[str, int] = Field(
        default_factory=dict,
        description="The most one BKS is worth, by currency (smallest units): the fee must be worth the reward",
    )

    hold_seconds: int = Field(600, ge=1)
    session_hours: int = Field(12, ge=1)
    siwe_minutes: int = Field(10, ge=1, le=10)
    claim_code_days: int = Field(30, ge=1)
    challenge_seconds: int = Field(120, ge=5)
    sales_reserve_tickets: int = Field(
        1000, ge=0, description="New sales stop when the minter cannot pay for so many more mints than it owes"
    )
    batch_size: int = Field(200, ge=1, le=1000)
    batch_wait_seconds: float = Field(1.0, ge=0)
    batches_in_flight: int = Field(4, ge=1, le=64, description="Full batches of a collection under way at once")

    @property
    def is_production(self) -> bool:
        """Real money, real chain."""
        return self.environment == "production"

    @property
    def evm_rpc_urls(self) -> list[str]:
        """The nodes' addresses, the preferred one first, each once."""
        return list(dict.fromkeys(url.strip() for url in self.evm_rpc_url.split(",") if url.strip()))

    @property
    def resale_hold(self) -> int:
        """Seconds after its mint in which a ticket paid by card is not resold: as long as a chargeback is likely."""
        if self.resale_hold_seconds is not None:
            return self.resale_hold_seconds
        return 0 if self.environment == "development" else _TWO_WEEKS

    @property
    def domain(self) -> str:
        """The host (and port) people sign in to, as EIP-4361 wants it."""
        return urlparse(self.public_url).netloc

    @model_validator(mode="after")
    def _refuse_weak_production(self) -> "Settings":
        wrong = [*self._odd_nodes(), *self._mixed_money(), *self._mixed_signers(), *self._mixed_fees()]
        if self.is_production:
            wrong += [*self._weak_secrets(), *self._weak_signers()]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _odd_nodes(self) -> Iterator[str]:
        # The address is not repeated: many providers put their keys into it.
        if not self.evm_rpc_urls or not all(_has_host(url, {"http", "https"}) for url in self.evm_rpc_urls):
            yield "EVM_RPC_URL must be an http:// or https:// address, or several with commas between them"
        sockets = [] if self.evm_ws_url in {None, "off"} else str(self.evm_ws_url).split(",")
        if not all(_has_host(url.strip(), {"ws", "wss"}) for url in sockets):
            yield "EVM_WS_URL must be a ws:// or wss:// address, several with commas between them, or off"

    def _mixed_money(self) -> Iterator[str]:
        """Refuse real cards where only a trial runs, and trial cards where real tickets are sold."""
        key = self.stripe_api_key
        if key and not self.is_production and key.startswith(_LIVE_KEYS):
            yield (
                f"STRIPE_API_KEY is a live key, which charges real cards, but ENVIRONMENT is {self.environment}: "
                "use a test key (sk_test_...), or set ENVIRONMENT=production"
            )
        if key and self.is_production and self.evm_network in MAIN_NETWORKS and not key.startswith(_LIVE_KEYS):
            yield (
                f"STRIPE_API_KEY is not a live key (sk_live_... or rk_live_...), but EVM_NETWORK is {self.evm_network}"
                ", where tickets are real: use the live key, or a test network such as eip155:97"
            )

    def _mixed_fees(self) -> Iterator[str]:
        ceiling, priority = self.fee_ceiling_gwei, self.priority_fee_gwei
        if ceiling is not None and priority is not None and priority > ceiling:
            yield "PRIORITY_FEE_GWEI is above FEE_CEILING_GWEI: no transaction could offer it"

    def _mixed_signers(self) -> Iterator[str]:
        """Refuse a role with two keys: which of them signs must not be a guess."""
        in_service = [role for role in SIGNER_ROLES if getattr(self, f"{role}_kms_key")]
        for role in in_service:
            if getattr(self, f"{role}_keystore") or getattr(self, f"{role}_key"):
                name = role.upper()
                yield f"{name}_KMS_KEY is set and so is {name}_KEYSTORE or {name}_KEY: leave one of them"
        if in_service and not self.kms_region:
            yield "KMS_REGION must name the key service's region, such as eu-north-1"

    def _weak_secrets(self) -> Iterator[str]:
        if len(self.secret_key) < _SHORTEST_SECRET or self.secret_key == _DEVELOPMENT_SECRET:
            yield f"SECRET_KEY must be set to {_SHORTEST_SECRET} or more random characters (openssl rand -hex 32)"
        if not self.public_url.startswith("https://"):
            yield "PUBLIC_URL must be the https:// address people use"
        if not urlparse(self.database_url).password:
            yield "DATABASE_URL must name a user and a password"
        if not self.stripe_api_key:
            yield "STRIPE_API_KEY must be set"
        if not (self.stripe_webhook_secret or "").startswith("whsec_"):
            yield "STRIPE_WEBHOOK_SECRET must be the endpoint's signing secret (whsec_...)"
        if not self.guardian_address:
            yield "GUARDIAN_ADDRESS must be the admin wallet that may pause"

    def _weak_signers(self) -> Iterator[str]:
        needed = [role for role in SIGNER_ROLES if role != "rewards" or self.rewards_per_order or self.rewards_key]
        for role in needed:
            name = role.upper()
            if getattr(self, f"{role}_key"):
                yield f"{name}_KEY is a raw key: use {name}_KMS_KEY, or {name}_KEYSTORE and KEYSTORE_PASSWORD, instead"
            elif not getattr(self, f"{role}_keystore") and not getattr(self, f"{role}_kms_key"):
                yield f"{name}_KEYSTORE must be the path of an encrypted keystore file, or {name}_KMS_KEY a key's id"
        if any(getattr(self, f"{role}_keystore") for role in needed) and not self.keystore_password:
            yield "KEYSTORE_PASSWORD must be set: it opens the keystores"
        if self.kms_endpoint_url and not self.kms_endpoint_url.startswith("https://"):
            yield "KMS_ENDPOINT_URL must be an https:// address"


class Misconfigured(SystemExit):
    """The settings do not allow a start; the message says what to set."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Say what is wrong, a line for each."""
        super().__init__("Backstage cannot start:\n" + "\n".join(f"  {line}" for line in lines))


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process. Raises Misconfigured, which ends it with the reasons."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part).upper() for part in e['loc']) or 'settings'}: {e['msg']}" for e in error.errors()
        ]
        raise Misconfigured(lines) from None
