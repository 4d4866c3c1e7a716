"""OpenTelemetry's spans, where the program has set a tracer provider; they hold no value and no error's text."""

import sys
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Result = TypeVar("Result")


def tracer(name: str = "botcore") -> "Tracer | None":
    """The provider's tracer of that name; None where nobody has set a provider by now."""
    # who never imported it has set none, and then it need not be imported here
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    found: Tracer = trace.get_tracer(name)
    return found


async def call(tracer: "Tracer", name: str, call: Awaitable[Result]) -> Result:
    """The result of the call of a query, which has a span of its own.

    https://opentelemetry.io/docs/specs/semconv/db/database-spans/: the name of the query is its summary; no operation's
    name is taken out of the statement.
    """
    with span(tracer, name, "CLIENT", {"db.system.name": "postgresql", "db.query.summary": name}):
        return await call


@contextmanager
def span(
    tracer: "Tracer | None", name: str, kind: Literal["CLIENT", "CONSUMER"], attributes: Mapping[str, str | int]
) -> Iterator[None]:
    """A span around the block, where there is a tracer, with the class of what is raised there, or its SQLSTATE."""
    if tracer is None:
        yield
        return
    from opentelemetry.trace import SpanKind, StatusCode

    with tracer.start_as_current_span(
        name, kind=SpanKind[kind], attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
            if sqlstate:
                current.set_attribute("db.response.status_code", sqlstate)
            current.set_attribute("error.type", sqlstate or f"{type(error).__module__}.{type(error).__qualname__}")
            current.set_status(StatusCode.ERROR)
            raise
