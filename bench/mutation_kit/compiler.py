"""Compile the contracts fast, many times: one compiler process, and code made without the optimizer.

What a contract does is the same with and without it; only size and gas differ, and the node is told to allow any size.
The build that ships goes through the IR pipeline (16 times slower); it is used to recognise mutants that are no change
at all: their optimized code is the original's.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from scripts.machine import layout, processes
from scripts.machine.trouble import Trouble

CONTRACTS: Final = layout.ROOT / "contracts"

_WORKER = Path(__file__).with_name("compile_worker.cjs")
_IMPORT = re.compile(r"""\bimport\b[^;"']*["'](\.[^"']+)["']""")
_PLAIN = {"optimizer": {"enabled": False}}
_SHIPPED = {"viaIR": True, "optimizer": {"enabled": True, "runs": 1}}
_CODE = ["evm.bytecode.object", "evm.deployedBytecode.object"]


@dataclass(frozen=True)
class Built:
    """One compiled contract."""

    name: str
    source: str
    abi: list[dict[str, Any]] | None
    bytecode: str
    runtime: str


class DoesNotCompile(Exception):
    """The compiler refused the sources. Its first error is the message."""


def read_sources(folder: Path = CONTRACTS) -> dict[str, str]:
    """Return every Solidity source of ours, by its path from the repository's root."""
    found = sorted(path for path in folder.rglob("*.sol") if ".cache" not in path.parts)
    return {path.relative_to(layout.ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


def dependents(sources: Mapping[str, str], changed: str) -> list[str]:
    """Return the sources whose contracts may have other code when one changes: whoever imports it, directly or not."""
    imports = {name: {_resolve(name, told) for told in _IMPORT.findall(text)} for name, text in sources.items()}
    found, waiting = {changed}, [changed]
    while waiting:
        target = waiting.pop()
        fresh = [name for name, imported in imports.items() if target in imported and name not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return sorted(found)


def _resolve(importer: str, told: str) -> str:
    return (layout.ROOT / importer).parent.joinpath(told).resolve().relative_to(layout.ROOT).as_posix()


class Compiler:
    """A compiler process that stays: loading solc takes longer than compiling one contract."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Nothing to start: the process comes with the first question."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End what was started."""
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with self._process:  # closes the pipes and waits
                self._process.kill()
            self._process = None

    def syntax_trees(self, sources: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return each source's syntax tree, whose places are in bytes."""
        answer = self._ask(sources, {"*": {"": ["ast"]}}, _PLAIN)
        return {name: told["ast"] for name, told in answer["sources"].items() if name in sources}

    def build(self, sources: Mapping[str, str], wanted: Iterable[str], *, with_abi: bool = False) -> list[Built]:
        """Compile the contracts of the wanted sources. Raises DoesNotCompile."""
        return self._built(sources, wanted, _PLAIN, with_abi=with_abi)

    def shipped(self, sources: Mapping[str, str], wanted: Iterable[str]) -> list[Built]:
        """Compile as the contracts ship. Raises DoesNotCompile."""
        return self._built(sources, wanted, _SHIPPED, with_abi=False)

    def _built(
        self, sources: Mapping[str, str], wanted: Iterable[str], settings: Mapping[str, Any], *, with_abi: bool
    ) -> list[Built]:
        outputs = [*_CODE, "abi"] if with_abi else _CODE
        answer = self._ask(sources, {name: {"*": outputs} for name in wanted}, settings)
        return [
            Built(
                name,
                source,
                told.get("abi"),
                told["evm"]["bytecode"]["object"],
                told["evm"]["deployedBytecode"]["object"],
            )
            for source, contracts in answer.get("contracts", {}).items()
            for name, told in contracts.items()
        ]

    def _ask(self, sources: Mapping[str, str], outputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
        question = {
            "language": "Solidity",
            "sources": {name: {"content": text} for name, text in sources.items()},
            "settings": {
                "evmVersion": "cancun",
                "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
                "outputSelection": outputs,
                **settings,
            },
        }
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise Trouble("the compiler was started without pipes")
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self.close()
            raise Trouble("the compiler ended in the middle of an answer")
        answer = json.loads(line)
        errors = [told["formattedMessage"] for told in answer.get("errors", []) if told["severity"] == "error"]
        if errors:
            raise DoesNotCompile(errors[0])
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [str(layout.node()), str(_WORKER), str(layout.NODE_MODULES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - no threads
            )
        return self._process
