"""What a model's server does in the middle of an answer: what came is kept, and says why it is not all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies import NoReply, Reply, Tokens, reading
from botcli.replies.hearing import told
from botcli.replies.model import Model
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import stored
from tests.botcli.model_server import (
    BREAK,
    DONE,
    READ,
    WRITTEN,
    Behaviour,
    ModelServer,
    completion,
    fails,
    part,
    says,
    sends,
    streams,
)
from tests.botcli.updates import message

END = part(None, finish_reason="stop")
COUNTS = {"choices": [], "usage": {"prompt_tokens": READ, "completion_tokens": WRITTEN}}
ONCE = part("Once")
UPON = part(" upon")
# seconds: of silence in a text, and of a whole answer that has no end
SILENCE, WHOLE = 0.3, 1.0
ENDLESS = {"without an end", "silence before a word", "nothing but comments before a word"}
FOREVER = -1.0
DRIP = [": still there\n\n", 0.05] * 100
MEGABYTE = 2**20

WHOLE_ANSWERS: dict[str, tuple[Any, ...]] = {
    "as the API has it": (part("", role="assistant"), ONCE, UPON, END, COUNTS, DONE),
    "without [DONE]": (ONCE, UPON, END, COUNTS),
    "without a reason": (ONCE, UPON, COUNTS, DONE),
    "counts along with the end": (ONCE, part(" upon", finish_reason="stop") | {"usage": COUNTS["usage"]}, DONE),
    "choices that are none": (
        {"choices": []},
        {"choices": None},
        {},
        ONCE,
        part(None),
        {"choices": [{}]},
        UPON,
        END,
        COUNTS,
    ),
    "comments and other lines": (": hello\n\nevent: x\nid: 1\nretry: 3\n\n", ONCE, "\r\n", UPON, END, COUNTS, DONE),
    "other ends of lines": (
        'data:{"choices": [{"delta": {"content": "Once upon"}}]}\r\n\r\n',
        END,
        COUNTS,
        "data:[DONE]",
    ),
    "silence after the end": (ONCE, UPON, COUNTS, END, FOREVER),
    "lost after the end": (ONCE, UPON, COUNTS, END, BREAK),
    "garbage after the end": (ONCE, UPON, COUNTS, END, "data: {\n\n"),
}
NO_COUNTS: dict[str, tuple[Any, ...]] = {
    "silence instead of counts": (ONCE, UPON, END, FOREVER),
    "absurd counts": (ONCE, UPON, END, {"usage": {"prompt_tokens": "canary"}}, DONE),
}
CUT_ANSWERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "no room": ("room", (ONCE, UPON, part(None, finish_reason="length"), DONE)),
    "silence": ("time", (ONCE, UPON, FOREVER)),
    "nothing but comments": ("time", (ONCE, UPON, *DRIP)),
    "without an end": ("time", (ONCE, UPON, *[part(" "), 0.05] * 100)),
    "lost": ("fault", (ONCE, UPON, BREAK)),
    "closed": ("fault", (ONCE, UPON)),
    "closed in an event": ("fault", (ONCE, UPON, 'data: {"choices": [{"del')),
    "an error": ("fault", (ONCE, UPON, {"error": {"message": "canary", "code": 502}})),
    "an error of a name": ("fault", (ONCE, UPON, 'event: error\ndata: {"error": "canary"}\n\n')),
    "no JSON": ("fault", (ONCE, UPON, "data: canary\n\n")),
    "JSON that nests": ("fault", (ONCE, UPON, f"data: {'[' * 100_000}\n\n")),
    "no answer in it": ("fault", (ONCE, UPON, {"choices": "canary"})),
    "no text in it": ("fault", (ONCE, UPON, part(None, delta={"content": 1}))),
    "an event without an end": ("fault", (ONCE, UPON, "data: ", *["canary" * MEGABYTE] * 2)),
}
NO_ANSWERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "nothing": ("malformed", ()),
    "only [DONE]": ("empty", (DONE,)),
    "only counts": ("malformed", (COUNTS,)),
    "only white space": ("empty", (part(" "), part("\n"), END, DONE)),
    "silence before a word": ("timeout", (FOREVER,)),
    "nothing but comments before a word": ("timeout", (*DRIP,)),
    "lost": ("connection", (part("", role="assistant"), BREAK)),
    "filtered": ("refused", (ONCE, part(None, finish_reason="content_filter"), DONE)),
    "refused": ("refused", (part(None, delta={"refusal": "canary"}), END, DONE)),
    "an error": ("server", ({"error": {"message": "canary"}},)),
    "no credit": ("unavailable", ({"error": {"code": "insufficient_quota"}},)),
    "garbage": ("malformed", ("data: canary\n\n",)),
    "no such line": ("malformed", ("canary\n\n",)),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PART_SECONDS", SILENCE)
    monkeypatch.setattr(reading, "_COUNTS_SECONDS", SILENCE)


class Asked:
    """The model, which one asks a question."""

    def __init__(self, model: Model, model_server: ModelServer) -> None:
        self._model = model
        self._server = model_server
        self.heard: list[str] = []

    async def reply(self, *steps: Any) -> Reply:
        """What it makes of a stream of these steps."""
        return await self.answer(streams(*steps))

    async def answer(self, *behaviours: Behaviour) -> Reply:
        """What it makes of these answers."""
        self._server.behaves(*behaviours)
        self.heard = []
        window: list[Any] = [Said("Hello")]
        return await self._model.reply(window, self.heard.append)


class Said:
    """A person's message."""

    role = "user"

    def __init__(self, content: str) -> None:
        self.content = content


@pytest.fixture
def asked(model: Model, model_server: ModelServer) -> Asked:
    """The model, which one asks a question."""
    return Asked(model, model_server)


async def test_reply_in_parts(asked: Asked) -> None:
    """An answer is heard as it grows, and whole whichever of the usual ends it has."""
    for name, steps in (WHOLE_ANSWERS | NO_COUNTS).items():
        reply = await asked.reply(*steps)

        counted = Tokens(READ, WRITTEN, len("Be brief.Hello")) if name in WHOLE_ANSWERS else None
        assert reply == Reply("Once upon", counted), name
        assert asked.heard == (["Once", " upon"] if name != "other ends of lines" else ["Once upon"]), name


async def test_reply_in_parts_of_characters(asked: Asked) -> None:
    """A character cut in two by events is whole, and what PostgreSQL refuses is left out."""
    reply = await asked.reply(part("\n\0 "), part("a\ud83d"), part("\ude00"), part("\ud83d "), END, DONE)

    assert reply.text == "a\U0001f600\ufffd"
    assert [told(asked.heard[:number]) for number in range(1, 5)] == [
        *("", "a\ufffd", "a\U0001f600"),
        "a\U0001f600\ufffd",
    ]


async def test_reply_that_is_cut(asked: Asked, model: Model) -> None:
    """What came before the fault is the answer, and says why it is cut; no time-out is passed."""
    for name, (cut, steps) in CUT_ANSWERS.items():
        model._timeout_seconds = WHOLE if name in ENDLESS else 20
        async with asyncio.timeout(10):
            reply = await asked.reply(*steps)

        assert (reply.text, reply.cut) == ("Once upon", cut), name


async def test_reply_that_never_was(asked: Asked, model: Model) -> None:
    """Where nothing came before the fault, there is no answer, and what was refused is none."""
    for name, (kind, steps) in NO_ANSWERS.items():
        model._timeout_seconds = WHOLE if name in ENDLESS else 20
        with pytest.raises(NoReply) as failure:
            await asked.reply(*steps)

        assert failure.value.kind == kind, name


async def test_reply_longer_than_is_stored(asked: Asked) -> None:
    """Nobody reads on once there is as much as is stored."""
    reply = await asked.reply(*[part("Yes " * 1_000)] * 12)

    assert (len(reply.text), reply.cut, len(asked.heard)) == (31_999, "room", 9)


async def test_data_that_comes_at_once() -> None:
    """However many events come in one go, others have their turn in between; lines that say nothing count as well."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def parts() -> AsyncIterator[bytes]:
        yield b"data: {}\n\n" * 5_000 + b"\n" * 5_000

    waiting = asyncio.create_task(others())
    events = [event async for event in reading.data(parts())]
    waiting.cancel()

    assert len(events) == 5_000
    assert turns > 15_000 / 250


async def test_reply_is_asked_for_as_it_is(asked: Asked, model_server: ModelServer) -> None:
    """A server is not asked to compress: a part of some bytes could become a gigabyte."""
    await asked.reply(ONCE, END, DONE)

    assert model_server.headers[-1]["Accept-Encoding"] == "identity"


async def test_reply_without_streams(asked: Asked, model_server: ModelServer) -> None:
    """A server that knows no counts, or no streams, is asked as it likes; from then on a refusal is one."""
    first = await asked.answer(fails(400), fails(422), says("Whole"))
    second = await asked.answer(says("Again"))
    with pytest.raises(NoReply):
        await asked.answer(fails(400))

    assert (first.text, second.text, asked.heard) == ("Whole", "Again", [])
    assert [("stream" in each, "stream_options" in each) for each in model_server.bodies] == [
        *((True, True), (True, False), (False, False)),
        *((False, False), (False, False)),
    ]


async def test_reply_as_one_json(asked: Asked) -> None:
    """A server that answers a stream's question with all at once is understood."""
    reply = await asked.answer(sends(f"\n {json.dumps(completion('Whole'))}"))

    assert (reply.text, asked.heard) == ("Whole", ["Whole"])


async def test_reply_too_long_for_the_model_said_in_a_stream(asked: Asked) -> None:
    """Told so by an event, the model is asked with less."""
    error = {"error": {"message": "canary", "code": "context_length_exceeded"}}

    with pytest.raises(NoReply) as failure:
        await asked.answer(streams(error))

    assert failure.value.kind == "too_long"


async def test_partial_answer_is_stored(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """A partial answer is sent and stored with why it is one, and /retry has another in its place."""
    dispatcher = build_dispatcher(database, model)
    model_server.behaves(streams(ONCE, UPON, BREAK), streams(ONCE, UPON, FOREVER))

    for text in ("A story", "/retry", "/retry"):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text)})

    assert [sent["text"] for sent in bot_api.sent] == [
        "Once upon\n\nThat is not all: the model's server broke off.",
        "Once upon\n\nThat is not all: the rest took too long.",
        "Yes: A story",
    ]
    assert [each.content for each in await stored(database)] == ["A story", "Yes: A story"]
