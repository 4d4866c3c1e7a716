"""OpenTelemetry's spans of a database: one a call, under the query's name, with nothing of what was said."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv.attributes import db_attributes, error_attributes

from botcore import Database, InvalidInput, tracing
from tests.crowds import crowd
from tests.factories import said


@pytest.fixture
async def database(database_url: str, spans: InMemorySpanExporter) -> AsyncIterator[Database]:
    """A database that was opened when the provider was set."""
    async with Database.connect(database_url, join_calls=True) as opened:
        yield opened
    assert "canary" not in str([span.to_json() for span in spans.get_finished_spans()])


def parent(span: ReadableSpan) -> int | None:
    """The id of the span that this one is part of."""
    return span.parent.span_id if span.parent else None


async def test_span_of_a_call(database: Database, spans: InMemorySpanExporter) -> None:
    """A call is a client's span as OpenTelemetry's conventions have it, inside of the caller's."""
    with trace.get_tracer("caller").start_as_current_span("asking") as asking:
        await said(database, content="canary")

    call, _ = spans.get_finished_spans()
    assert (call.name, call.kind, parent(call)) == (
        "messages/record",
        trace.SpanKind.CLIENT,
        asking.get_span_context().span_id,
    )
    assert call.attributes == {
        db_attributes.DB_SYSTEM_NAME: db_attributes.DbSystemNameValues.POSTGRESQL.value,
        db_attributes.DB_QUERY_SUMMARY: "messages/record",
    }


async def test_span_of_calls_that_join(database: Database, spans: InMemorySpanExporter) -> None:
    """Each caller has a span of its own."""
    await crowd(database, 20)

    assert [span.name for span in spans.get_finished_spans()] == ["messages/record"] * 20


async def test_span_of_a_refused_call(
    database: Database, spans: InMemorySpanExporter, connection: psycopg.Connection
) -> None:
    """An error is its SQLSTATE; the server's text, which can hold a row, is not there."""
    connection.execute("ALTER TABLE users ADD CONSTRAINT ck_users_first_name CHECK (first_name = '')")

    with pytest.raises(InvalidInput):
        await database.users.get_or_create(telegram_user_id=7, first_name="canary")

    [span] = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes[error_attributes.ERROR_TYPE] == "23514"
    assert span.attributes[db_attributes.DB_RESPONSE_STATUS_CODE] == "23514"
    assert (span.status.status_code, span.status.description, span.events) == (trace.StatusCode.ERROR, None, ())


async def test_tracer_without_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry is loaded and nobody has set a provider, nothing is traced."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.delenv("OTEL_PYTHON_TRACER_PROVIDER", raising=False)

    assert tracing.tracer() is None
