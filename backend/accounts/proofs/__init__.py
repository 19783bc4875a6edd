"""Ways to prove who you are. Each is one file; `verify.py` is the one judge of EVM signatures."""
