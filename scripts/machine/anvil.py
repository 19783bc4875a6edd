"""The embedded EVM node: anvil, with its state in a file and a home of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.machine import layout, ports
from scripts.machine.processes import Program, Running, launch
from scripts.machine.trouble import Trouble

CHAIN_ID = 31_337
_START_SECONDS = 30.0
_HASHES_ONLY = False
_DEFAULT_MNEMONIC_ACCOUNTS = 10


@dataclass
class Anvil:
    """A node on one port. With `state`, a restart (even after kill -9) goes on where the file stands."""

    folder: Path
    port: int
    log: Path
    state: Path | None = None
    state_interval: int = 1
    """Seconds between two writes of the state file; each writes the whole of it."""
    block_time: float | None = None
    """Seconds between blocks; None mines a block for each transaction and none else."""
    mixed: bool = True
    """With a block time, mine at once when a transaction arrives as well."""
    block_gas: int | None = None
    """Gas limit of a block; None leaves anvil's own (30M)."""
    final_after: int = 2
    """How far behind the newest block the one tagged `finalized` is; even, since that is two epochs."""
    accounts: int = _DEFAULT_MNEMONIC_ACCOUNTS
    """How many of anvil's well-known funded accounts exist."""
    records: Path | None = None
    running: Running | None = None
    _kept_block: int = 0

    def start(self) -> None:
        """Start the node and wait until it answers. Raises Trouble with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = [str(layout.foundry("anvil")), "--host", ports.LOOPBACK, "--port", str(self.port)]
        argv += ["--chain-id", str(CHAIN_ID), "--accounts", str(self.accounts), "--quiet"]
        # finalized = head - 2 epochs; 256 states are kept (for reorgs and calls on the block before), none on disk
        argv += ["--slots-in-an-epoch", str(self.final_after // 2), "--prune-history", "256"]
        if self.block_time is not None:
            argv += ["--block-time", str(self.block_time), *(["--mixed-mining"] if self.mixed else [])]
        if self.block_gas is not None:
            argv += ["--gas-limit", str(self.block_gas)]
        if self.state is not None:
            self._kept_block = _last_block(self.state)
            argv += ["--state", str(self.state), "--state-interval", str(self.state_interval)]
            argv += ["--timestamp", str(_beginning(self.state))]
        program = Program(
            name="anvil",
            argv=argv,
            env={"PATH": os.defpath, "HOME": str(self.folder)},
            cwd=self.folder,
            log=self.log,
            orphan_signal=signal.SIGTERM,
        )
        self.running = launch(program, self.records)
        if not ports.wait_until(self.answers, self.running.alive, _START_SECONDS):
            message = f"anvil did not start. The end of {self.log}:\n{self.running.tail()}"
            self.running.kill()
            raise Trouble(message)
        if self.state is not None:
            rpc(self.url, "evm_setTime", int(time.time()))  # its clock began at the beginning of the chain

    def answers(self) -> bool:
        """Tell whether the node has our chain id and its kept blocks: it answers before it has loaded them."""
        try:
            is_ours = bool(rpc(self.url, "eth_chainId") == hex(CHAIN_ID))
            return is_ours and int(rpc(self.url, "eth_blockNumber"), 16) >= self._kept_block
        except (OSError, Trouble):
            return False

    @property
    def url(self) -> str:
        """HTTP address of its JSON-RPC; the same port speaks WebSocket."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    def fund(self, address: str, wei: int) -> None:
        """Set the balance of an account, in wei."""
        rpc(self.url, "anvil_setBalance", address, hex(wei))

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks, at once."""
        rpc(self.url, "anvil_mine", hex(blocks))

    def genesis(self) -> str:
        """Return the hash of block 0, by which one chain is told from another."""
        found: str = rpc(self.url, "eth_getBlockByNumber", "0x0", _HASHES_ONLY)["hash"]
        return found

    def stop(self) -> None:
        """Stop the node; it writes its state file first."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def kill(self) -> None:
        """Kill -9 the node."""
        if self.running is not None:
            self.running.kill()
            self.running = None


def rpc(url: str, method: str, *params: object) -> Any:
    """One JSON-RPC call over plain HTTP. Raises OSError when nobody listens, Trouble when the node answers an error."""
    address = url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.request("POST", "/", body, {"content-type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    except (http.client.HTTPException, ValueError) as broken:
        raise OSError(str(broken)) from broken
    finally:
        connection.close()
    if "error" in answer:
        message = f"{method}: {answer['error'].get('message')}"
        raise Trouble(message)
    return answer["result"]


def _beginning(state: Path) -> int:
    """Return the time of block 0 in Unix seconds, the same at every start of one chain.

    anvil makes a block 0 of its own at each start; with another time it would be another block beside the kept one, and
    which of the two then answers to the number 0 is left to chance.
    """
    note = state.with_name(f"{state.name}.began")
    if not (state.exists() and note.exists()):
        note.write_text(str(int(time.time())))
    return int(note.read_text())


def _last_block(state: Path) -> int:
    """Read the number of the last kept block; 0 when there is no file.

    Raises Trouble for half a file, left by a node killed while writing: anvil's own message helps nobody.
    """
    if not state.exists():
        return 0
    try:
        last: int = json.loads(state.read_bytes())["best_block_number"]
    except (ValueError, KeyError) as broken:
        message = f"{state} was cut off while it was written: the local chain is lost. Run scripts/start --fresh."
        raise Trouble(message) from broken
    return last
