"""Which tests reach which functions, from one run of contracts that say so themselves.

Every function begins with a call that the node prints (the address that Solidity's console.log uses); what it prints
during a test is what that test reaches. A fixture that several tests share counts for all of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.mutation_kit.compiler import Built, Compiler
from bench.mutation_kit.suite import WORK, Suite
from scripts.machine import layout
from scripts.machine.trouble import Trouble

_PROBE = "contracts/libraries/CoverageProbe.sol"
_PROBE_TEXT = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

function coverageProbe(uint256 mark) pure {
    function(uint256) view tell = _tell;
    function(uint256) pure hidden;
    assembly {
        hidden := tell
    }
    hidden(mark);
}

function _tell(uint256 mark) view {
    assembly {
        mstore(0, shl(224, 0xf82c50f1))
        mstore(4, mark)
        pop(staticcall(gas(), 0x000000000000000000636F6e736F6c652e6c6f67, 0, 36, 0, 0))
    }
}
"""
_TESTS = layout.ROOT / "tests" / "contracts"
_MARK = 7_700_000_000
_PRINTED = re.compile(rb"\b77\d{8}\b")
_SKIPPED = ("contracts/interfaces/", "contracts/testdoubles/")


@dataclass
class Coverage:
    """Seconds of each test, and the functions it reaches: by itself, or through what a module or all share."""

    seconds: dict[str, float] = field(default_factory=dict)
    reached: dict[str, set[str]] = field(default_factory=dict)
    """Functions by test."""
    shared: dict[str, set[str]] = field(default_factory=dict)
    """Functions by module; the empty name stands for all tests."""

    def likely(self, where: str, *, at_the_door: bool = False) -> list[str]:
        """Return the tests that reach a function themselves, module by module, those most about it first.

        A change `at_the_door` (of a modifier) concerns calls that never come to the function's body, and a call is seen
        in the body only: then these modules count whole.
        """
        by_module: dict[str, list[str]] = defaultdict(list)
        sizes: dict[str, int] = defaultdict(int)
        about: dict[str, float] = defaultdict(float)
        for test, functions in self.reached.items():
            sizes[_module(test)] += 1
            if where in functions:
                by_module[_module(test)].append(test)
                about[_module(test)] += 1 / len(functions)  # a test that reaches everything is about nothing
        ordered = sorted(by_module, key=lambda module: (-about[module] / sizes[module], module))
        if at_the_door:
            by_module = {module: [test for test in self.reached if _module(test) == module] for module in ordered}
        return [test for module in ordered for test in sorted(by_module[module], key=self._speed)]

    def others(self, where: str, *, at_the_door: bool = False) -> list[str]:
        """Return the other tests that a change there could fail: through what they share, or all if nobody knows."""
        mine = set(self.likely(where, at_the_door=at_the_door))
        known = set().union(*self.reached.values(), *self.shared.values())
        if at_the_door or where not in known or where in self.shared.get("", ()):
            return [test for test in self.reached if test not in mine]
        modules = {module for module, functions in self.shared.items() if where in functions}
        return [test for test in self.reached if test not in mine and _module(test) in modules]

    def _speed(self, test: str) -> float:
        return self.seconds.get(test, 0.0)


def measure(
    compiler: Compiler,
    suite: Suite,
    sources: Mapping[str, str],
    trees: Mapping[str, Mapping[str, Any]],
    builds: Iterable[Built],
) -> Coverage:
    """See every test pass on the contracts as they are, then learn what each reaches.

    What an earlier run has kept stands for a module of tests that has not changed since, on contracts that have not.
    Raises Trouble if a test fails.
    """
    held = WORK / "coverage.json"
    keys = _keys(sources, suite.tests)
    coverage = _kept(held, keys)
    due = [test for test in suite.tests if test not in coverage.reached]
    if not due:
        return coverage
    verdict = suite.run(builds, due, seconds=3600.0)
    if verdict.failed:
        raise Trouble(f"{verdict.failed} fails on the contracts as they are: {verdict.why}")
    functions, probed = _with_probes(sources, trees)
    output = WORK / "coverage.out"
    told = suite.watch(_deployable(compiler.build(probed, sources, with_abi=True)), due, output)
    _read(coverage, told, output.read_bytes(), functions)
    coverage.seconds.update(verdict.passed)
    half = held.with_suffix(".part")
    half.write_text(json.dumps({"keys": keys, **_to_json(coverage)}))
    half.replace(held)
    return coverage


def tests_digest() -> str:
    """Return one hash over the contracts' tests: whoever adds one wants survivors tried again."""
    return _digest(sorted(_TESTS.glob("*.py")))


def _keys(sources: Mapping[str, str], tests: Iterable[str]) -> dict[str, str]:
    """Return by module what its coverage depends on: the contracts, what modules share, and itself."""
    shared = [path for path in sorted(_TESTS.glob("*.py")) if not path.name.startswith("test_")]
    ours = {name: text for name, text in sources.items() if not name.startswith(_SKIPPED)}
    before = hashlib.sha256(json.dumps([ours, _digest(shared), _PROBE_TEXT]).encode()).hexdigest()
    return {module: before + _digest([_TESTS / module]) for module in {_module(test) for test in tests}}


def _kept(held: Path, keys: Mapping[str, str]) -> Coverage:
    """Return what is kept of the modules that are as they were."""
    if not held.exists():
        return Coverage()
    told = json.loads(held.read_text())
    valid = {module for module, key in keys.items() if told["keys"].get(module) == key}
    if not valid:
        return Coverage()
    shared = {module: set(names) for module, names in told["shared"].items() if not module or module in valid}
    reached = {test: set(names) for test, names in told["reached"].items() if _module(test) in valid}
    return Coverage({test: told["seconds"].get(test, 0.0) for test in reached}, reached, shared)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _deployable(builds: Iterable[Built]) -> list[Built]:
    return [one for one in builds if one.name != "CoverageProbe"]


def _with_probes(
    sources: Mapping[str, str], trees: Mapping[str, Mapping[str, Any]]
) -> tuple[list[str], dict[str, str]]:
    """Return the functions by number, and the sources with a probe in each."""
    functions: list[str] = []
    probed = {_PROBE: _PROBE_TEXT}
    for source, text in sources.items():
        if source.startswith(_SKIPPED):
            probed[source] = text
            continue
        encoded, places = text.encode(), _bodies(trees[source])
        for begin, name in sorted(places, reverse=True):
            probe = f" coverageProbe({_MARK + len(functions)});"
            encoded = encoded[: begin + 1] + probe.encode() + encoded[begin + 1 :]
            functions.append(name)
        up = "../" * (source.count("/") - 1)
        line = f'import {{coverageProbe}} from "{up or "./"}libraries/CoverageProbe.sol";\n'
        probed[source] = encoded.decode() + line
    return functions, probed


def _bodies(tree: Mapping[str, Any]) -> list[tuple[int, str]]:
    found = []
    for contract in tree["nodes"]:
        for part in contract.get("nodes", ()) if contract["nodeType"] == "ContractDefinition" else ():
            if part["nodeType"] in {"FunctionDefinition", "ModifierDefinition"} and part.get("body"):
                begin = int(part["body"]["src"].split(":")[0])
                found.append((begin, f"{contract['name']}.{part['name'] or part['kind']}"))
    return found


def _read(coverage: Coverage, told: Sequence[Mapping[str, Any]], output: bytes, functions: Sequence[str]) -> None:
    for line in told:
        if "bytes" in line:
            begin, end = line["bytes"]
            names = {functions[int(one) - _MARK] for one in _PRINTED.findall(output[begin:end])}
            if "shared" in line:
                coverage.shared.setdefault(line["shared"], set()).update(names)
            else:
                coverage.reached[line["test"]] = names


def _module(test: str) -> str:
    return test.partition("::")[0]


def _to_json(coverage: Coverage) -> dict[str, Any]:
    return {
        "seconds": coverage.seconds,
        "reached": {test: sorted(names) for test, names in coverage.reached.items()},
        "shared": {module: sorted(names) for module, names in coverage.shared.items()},
    }
