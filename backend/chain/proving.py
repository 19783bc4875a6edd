"""How a capability lets the index be checked: what contracts must answer, what must hold, what follows a rebuild.

As `onlog`, this knows nothing of tickets. An *expectation* is an answer that a contract must give at a block if a
projection is right; `python -m indexer verify` and the routine check ask for it by block hash. An *audit* looks at
rows alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from backend.chain.multicall import word_of


@dataclass(frozen=True, slots=True)
class Expectation:
    """`contract` returns `expected` when called with `data` (None: it reverts), and what that is `about`, in words."""

    about: str
    contract: bytes
    data: bytes
    expected: bytes | None

    @property
    def word(self) -> bytes:
        """The answer of a multicall that means that the contract gave this answer."""
        return word_of(self.expected)


@dataclass(frozen=True, slots=True)
class Moment:
    """A final block of a network, and how many tickets may be asked about; None: all it can."""

    network: str
    number: int
    hash: bytes
    sample: int | None = None


Provides = Callable[[Session, Moment], Iterator[Expectation]]
Audit = Callable[[Session, Moment], Iterable[str]]
"""Returns what is wrong, in words; nothing when all is well."""
FROM_FACTS = "python -m indexer rebuild --from-facts"
"""The command that folds projections again."""
Hook = Callable[[Session, str], None]
"""Gets `(session, network)`."""

Provider = TypeVar("Provider", bound=Provides)
Auditor = TypeVar("Auditor", bound=Audit)
AnyHook = TypeVar("AnyHook", bound=Hook)


@dataclass(slots=True)
class Proofs:
    """Everything registered by the imported `onchain` modules, by name or in the order of import."""

    expects: dict[str, Provides] = field(default_factory=dict)
    audits: dict[str, tuple[Audit, str | None]] = field(default_factory=dict)
    rebuilt: list[Hook] = field(default_factory=list)
    verified: list[Hook] = field(default_factory=list)


registered = Proofs()


def expects(name: str) -> Callable[[Provider], Provider]:
    """Let the decorated provider say what contracts must answer. `name` is what is checked: `tickets`."""

    def keep(provide: Provider) -> Provider:
        registered.expects[name] = provide
        return provide

    return keep


def audits(name: str, repair: str | None = None) -> Callable[[Auditor], Auditor]:
    """Let the decorated function look for what is wrong in rows, without asking the chain.

    `repair` is the command for what it finds; None: a person has to, docs/runbooks/index-mismatch.md says how.
    """

    def keep(look: Auditor) -> Auditor:
        registered.audits[name] = look, repair
        return look

    return keep


def audited(session: Session, moment: Moment) -> Iterator[tuple[str, list[str], str | None]]:
    """Run every audit; yield its name, what it found, and the command that repairs that."""
    for name, (look, repair) in registered.audits.items():
        yield name, list(look(session, moment)), repair


def when_rebuilt(hook: AnyHook) -> AnyHook:
    """Let the decorated function put right what was computed from projections, once they were rebuilt."""
    registered.rebuilt.append(hook)
    return hook


def when_verified(hook: AnyHook) -> AnyHook:
    """Let the decorated function close what was open, once everything was verified and found right."""
    registered.verified.append(hook)
    return hook
