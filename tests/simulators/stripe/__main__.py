"""Runs the simulator; `--help` explains the options. Prints one line when it is ready."""

import argparse
import socket
from pathlib import Path

import uvicorn

from tests.simulators.stripe.app import Options, make_app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.stripe", description="A simulator of Stripe.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--webhook-url", required=True, help="where events are sent")
    parser.add_argument("--webhook-secret", required=True, help="signs them (whsec_...)")
    parser.add_argument("--state", type=Path, help="file that keeps everything, kill -9 included")
    parser.add_argument("--first-pause", type=float, default=0.5, help="seconds before the first repeat (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Serve until interrupted."""
    given = _arguments()
    options = Options(given.webhook_url, given.webhook_secret, given.state, given.first_pause)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((given.host, given.port))
        listening.listen(128)
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(make_app(options), log_level="warning", lifespan="on"))
        # The socket listens already, so whoever reads this may connect.
        print(f"stripe simulator ready on http://{given.host}:{port}", flush=True)  # noqa: T201 - says it to its parent
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
