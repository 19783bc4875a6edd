"""File names are the wiring: finds each capability's `routes.py`, `tasks.py`, `onchain.py`, ... by name.

A plug-in is the same files in another distribution, announced under the entry point group `backstage.capabilities`.
"""

import importlib
import pkgutil
from importlib.metadata import entry_points
from importlib.util import find_spec
from types import ModuleType

import backend
from backend.settings import Misconfigured, get_settings

ENTRY_POINT_GROUP = "backstage.capabilities"


def capabilities() -> list[str]:
    """Return the import names of the capability packages, ours by name, then the plug-ins'."""
    ours = [f"backend.{module.name}" for module in pkgutil.iter_modules(backend.__path__) if module.ispkg]
    plugged = [point.value for point in entry_points(group=ENTRY_POINT_GROUP)]
    return sorted(name for name in ours if name != "backend.migrations") + sorted(plugged)


def load(*names: str) -> list[ModuleType]:
    """Import the modules called `names` of every capability that has them, name by name in the order given."""
    if "models" in names:
        for name in ("notices", "idempotency"):  # the kit's own tables live in its modules
            importlib.import_module(f"backend.kit.{name}")
    modules = [f"{capability}.{name}" for name in names for capability in capabilities()]
    return [importlib.import_module(module) for module in modules if find_spec(module) is not None]


def check_settings() -> None:
    """Have every capability that has a `configuration.py` look at the settings. Raises Misconfigured."""
    wrong = [line for module in load("configuration") for line in module.wrong(get_settings())]
    if wrong:
        raise Misconfigured(wrong)
