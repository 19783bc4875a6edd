"""What `scripts/start` and `scripts/test` do to this machine: install, run servers, supervise.

Only the standard library is imported here, because this package runs before anything is installed. Everything it
makes stays inside the checkout, in places git ignores (`layout.py` names them all).
"""
