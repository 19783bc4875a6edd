"""Which ways to pay there are. A new one is one file in `providers/` and one line here."""

from collections.abc import Callable
from functools import lru_cache

from backend.kit.errors import Invalid
from backend.payments.port import PaymentProvider
from backend.settings import Settings, get_settings


class UnknownProvider(Invalid):
    """There is no such way to pay."""

    code = "unknown_provider"


def _stripe(settings: Settings) -> PaymentProvider:
    # Imported when first asked for: the SDK takes a while to load, and the indexer never needs it.
    from backend.payments.providers.stripe import StripeProvider  # noqa: PLC0415

    return StripeProvider.from_settings(settings)


def _crypto(settings: Settings) -> PaymentProvider:
    from backend.payments.providers.crypto import CryptoProvider  # noqa: PLC0415 - as the others, on demand

    return CryptoProvider.from_settings(settings)


_MAKERS: dict[str, Callable[[Settings], PaymentProvider]] = {"stripe": _stripe, "crypto": _crypto}
_replaced: dict[str, PaymentProvider] = {}


@lru_cache
def _made(name: str) -> PaymentProvider:
    return _MAKERS[name](get_settings())


def get(name: str) -> PaymentProvider:
    """Return the provider called `name`. Raises UnknownProvider."""
    if name in _replaced:
        return _replaced[name]
    if name not in _MAKERS:
        raise UnknownProvider(provider=name)
    return _made(name)


def in_use() -> list[PaymentProvider]:
    """Return the providers that have been given keys and send messages; the chain sends none."""
    configured = [get("stripe")] if get_settings().stripe_api_key else []
    return configured + [provider for name, provider in _replaced.items() if name not in _MAKERS]


def use(name: str, provider: PaymentProvider | None) -> None:
    """Let `name` mean `provider`, or what it meant before. Refused outside of the test environment."""
    if get_settings().environment != "test":
        raise RuntimeError("providers are only replaced in tests")
    if provider is None:
        _replaced.pop(name, None)
    else:
        _replaced[name] = provider
