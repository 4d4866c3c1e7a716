"""How the server runs a query of sql/ with the values of sample.psql."""

from typing import Any

import psycopg

from benchmarks import plans
from tests import contract

MODES: tuple[plans.Mode, ...] = ("force_generic_plan", "force_custom_plan")


def explain(
    connection: psycopg.Connection[Any], name: str, mode: plans.Mode, *, analyze: bool = False, **changes: str
) -> str:
    """The plan of a prepared statement with the values of sample.psql, some changed; `analyze` runs it."""
    return plans.explain(connection, name, mode, contract.sample_values() | changes, analyze=analyze)
