"""Faults put into the contracts on purpose, to learn whether the tests notice."""
