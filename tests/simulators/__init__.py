"""Other people's networks, played by programs that sign what they send. Run as `python -m tests.simulators.<name>`."""
