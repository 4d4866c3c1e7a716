"""How the server runs a query of sql/ as a prepared statement."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from psycopg import Connection, sql

from botcore import queries

Mode = Literal["auto", "force_generic_plan", "force_custom_plan"]

_PLACEHOLDER = re.compile(r":'(\w+)'")
_PAGES = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")


def explain(
    connection: Connection[Any], name: str, mode: Mode, values: Mapping[str, object], *, analyze: bool = False
) -> str:
    """The plan of `sql/<name>.sql` with these values; `analyze` runs it."""
    text = queries.load(name).text
    order = list(dict.fromkeys(_PLACEHOLDER.findall(text)))
    numbered = _PLACEHOLDER.sub(lambda match: f"${order.index(match[1]) + 1}", text)
    literals = sql.SQL(", ").join(sql.Literal(values[parameter]) for parameter in order)
    given = sql.SQL("({})").format(literals) if order else sql.SQL("")
    options = sql.SQL("ANALYZE, BUFFERS, COSTS off, TIMING off" if analyze else "COSTS")
    connection.execute(sql.SQL("SET plan_cache_mode = {}").format(sql.Identifier(mode)))
    connection.execute(f"PREPARE planned AS {numbered}".encode())
    try:
        rows = connection.execute(sql.SQL("EXPLAIN ({}) EXECUTE planned {}").format(options, given)).fetchall()
    finally:
        connection.execute("DEALLOCATE planned")
    # a conflict's arbiter is named, too, but shows nothing about how rows are found
    return "\n".join(line for (line,) in rows if "Conflict Arbiter Indexes" not in line)


def pages(plan: str) -> int:
    """Of a plan that was run: the most pages that a step read with those below it, from the cache or not."""
    running, _, _ = plan.partition("\nPlanning")
    return max(sum(int(number or 0) for number in found) for found in _PAGES.findall(running))


def indexes(plan: str) -> list[str]:
    """The indexes that a plan reads, each once, sorted."""
    return sorted(set(re.findall(r"(?:using|Index Scan on) (\w+)", plan)))
