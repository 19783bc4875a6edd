"""Makes the first admin: `python -m backend.accounts.bootstrap_admin --address 0x...`.

Every later role is granted over HTTP by an admin. Running it again changes nothing.
"""

import argparse
import sys
from collections.abc import Sequence

from backend.accounts import grants
from backend.accounts.addresses import parse_address, show_address
from backend.accounts.models import Role
from backend.kit import clock, db
from backend.settings import get_settings


def _address(text: str) -> bytes:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Grant ADMIN to the address given; print the account's id. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m backend.accounts.bootstrap_admin",
        description="Make a wallet's owner an admin of the platform. Connects with DATABASE_URL, as the API does.",
    )
    parser.add_argument("--address", type=_address, required=True, metavar="0x...", help="the admin's wallet")
    address = parser.parse_args(arguments).address
    db.configure(get_settings().database_url, pool_size=1)
    try:
        with db.unit_of_work() as session:
            grant = grants.grant(session, address, Role.ADMIN, None, clock.now())
            sys.stdout.write(f"{show_address(address)} is an admin (account {grant.account_id})\n")
    finally:
        db.engine().dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
