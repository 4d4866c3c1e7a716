"""OpenTelemetry's spans of a bot at work: one an update, with its calls of the database inside."""

from aiogram import Bot
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from botcore import Database
from tests.botcli.bot_api import TOKEN, BotApi
from tests.botcli.conftest import all_done, at_work
from tests.botcli.deliveries import Model, put_off, said


async def test_span_of_an_update(bot: Bot, bot_api: BotApi, database_url: str, spans: InMemorySpanExporter) -> None:
    """An update is a consumer's span; what its handling asks the database is part of it."""
    bot_api.deliver(message=said("canary", 777_777))

    async with Database.connect(database_url) as database, at_work(bot, database):
        await bot_api.replies(1)
        await all_done(database)

    [update] = [span for span in spans.get_finished_spans() if span.name == "update"]
    assert update.context
    inside = {
        span.name
        for span in spans.get_finished_spans()
        if span.parent and span.parent.span_id == update.context.span_id
    }
    assert {"messages/record", "messages/add", "updates/note_sends"} <= inside
    assert (update.kind, update.status.status_code) == (trace.SpanKind.CONSUMER, trace.StatusCode.UNSET)
    assert update.attributes == {"botcli.update_id": 101, "botcli.update_attempts": 1}


async def test_span_of_an_update_that_fails(
    bot: Bot, bot_api: BotApi, database_url: str, spans: InMemorySpanExporter
) -> None:
    """It has the class of the error, and nothing of what was said."""
    bot_api.deliver(message=said("poison", 777_777))

    async with Database.connect(database_url) as database, at_work(bot, database, Model()):
        await put_off(database)

    update = next(span for span in spans.get_finished_spans() if span.name == "update")
    assert (update.attributes or {})["error.type"] == "builtins.ValueError"
    assert (update.status.status_code, update.status.description) == (trace.StatusCode.ERROR, None)
    told = str([span.to_json() for span in spans.get_finished_spans()])
    assert [word for word in ("poison", "777777", TOKEN) if word in told] == []
