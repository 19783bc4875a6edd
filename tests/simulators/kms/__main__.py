"""Runs the key service until interrupted; `--help` explains the options. Prints one line when it is ready."""

import argparse
import threading

from tests.simulators.kms.service import KeyStore, serving


def main() -> None:
    """Serve the named keys."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.kms", description="A simulator of AWS KMS.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--key", action="append", required=True, metavar="NAME=HEX", help="a key; may be repeated")
    given = parser.parse_args()
    pairs = (key.partition("=") for key in given.key)
    store = KeyStore({name: bytes.fromhex(secret.removeprefix("0x")) for name, _, secret in pairs})
    with serving(store, given.port):
        print(f"kms simulator ready on {store.url}", flush=True)  # noqa: T201 - says it to its parent
        threading.Event().wait()


if __name__ == "__main__":
    main()
