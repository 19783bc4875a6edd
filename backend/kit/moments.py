"""Moments as requests write them: ISO 8601 with an offset, and nothing else."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def _written_out(value: Any) -> Any:
    # Pydantic takes numbers for Unix seconds, or milliseconds when they are large: a guess nobody asked for.
    if isinstance(value, (int, float)) or (
        isinstance(value, str) and value.strip().lstrip("+-").replace(".", "").isdigit()
    ):
        raise ValueError("write a date and time with its offset, like 2027-06-19T18:00:00Z")
    return value


IsoMoment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
