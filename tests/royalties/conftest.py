"""The stage of resale is the stage here: without a sale there is nothing to keep."""

from tests.resale.conftest import market, people, rules, stage

__all__ = ["market", "people", "rules", "stage"]
