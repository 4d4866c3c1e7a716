"""Replies of a model behind any server with OpenAI's API of chat completions."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import httpx2
import openai

from botcli.replies import Heard, NoReply, Reply, TooLong, failures, ignore
from botcli.replies.reading import MOST_BYTES, Answer, data
from botcli.replies.settings import ModelSettings
from botcore import Message, tracing

# each with half of the one before, as long as the server says that it is too long
_MOST_ASKS: Final = 5
# each token is an event of some hundred bytes, those that the model thinks too; none is kept
_MOST_STREAMED_BYTES: Final = 64 * 2**20
_EVENTS: Final = "text/event-stream"
# how a server is asked, until one is understood: not each knows the counts of a stream, nor streams
_MANNERS: Final[tuple[dict[str, Any], ...]] = (
    {"stream": True, "stream_options": {"include_usage": True}},
    {"stream": True},
    {},
)
_NOT_UNDERSTOOD: Final = {400, 422}
# the SDK wants one, and a server without keys does not look at it
_NO_KEY: Final = "none"
# a part of a kilobyte can be a megabyte when it is decompressed, all at once
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}
_OF_THE_TRANSFER: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})

_log = logging.getLogger(__name__)

Said = tuple[str, str]
"""A role, and what was said in it."""


class Model:
    """Asks the server for each reply, with the dialogue's own system message or else the operator's prompt."""

    def __init__(self, client: openai.AsyncOpenAI, settings: ModelSettings) -> None:
        self._client = client
        self._name = settings.model
        self._prompt = settings.prompt
        self._timeout_seconds = settings.timeout_seconds
        self._manners = _MANNERS
        self._tracer = tracing.tracer("botcli")

    async def reply(self, window: Sequence[Message], heard: Heard = ignore) -> Reply:
        """What the model says to the window; where that is too long for it, to ever newer parts.

        Once there is text, what goes wrong makes a partial answer. Raises NoReply, within the time-out; what went wrong
        is logged by its kind.
        """
        if not window or window[-1].role != "user":
            raise TooLong
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        *longer, shortest = conversations(window, self._prompt)
        for said in longer:
            with suppress(TooLong):
                return await self._ask(said, heard, deadline)
        return await self._ask(shortest, heard, deadline)

    async def _ask(self, said: list[Said], heard: Heard, deadline: float) -> Reply:
        with tracing.span(self._tracer, "chat", "CLIENT", {"gen_ai.request.model": self._name}):
            answer, failure, status = Answer(heard), None, None
            try:
                async with asyncio.timeout_at(deadline) as limit:
                    await self._read(said, answer, limit)
            except NoReply as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - over `charset=zlib` the HTTP client raises an AssertionError
                failure, status = failures.read(error), getattr(error, "status_code", None)
            # outside of `except`: what the SDK raised holds the dialogue and the key, and is not handed on
            try:
                reply = answer.reply(sum(len(content) for _, content in said), failure)
            except NoReply as error:
                level = logging.ERROR if isinstance(error, failures.NotAvailable) else logging.WARNING
                _log.log(level, failures.to_do(error, status), extra={"kind": error.kind, "status": status})
                raise
            if failure and reply.cut:
                _log.warning("the model's answer broke off", extra={"kind": failure.kind})
            return reply

    async def _read(self, said: list[Said], answer: Answer, limit: asyncio.Timeout) -> None:
        create: Any = self._client.chat.completions.with_streaming_response.create
        messages = [{"role": role, "content": content} for role, content in said]
        for manner in self._manners:
            try:
                async with create(model=self._name, messages=messages, **manner) as response:
                    # the server understands this one, so what it refuses from now on is something else
                    self._manners = (manner,)
                    await _hear(response.iter_bytes(), answer, limit)
                    return
            except openai.APIStatusError as error:
                is_rejected = (
                    isinstance(failures.read(error), failures.Rejected) and error.status_code in _NOT_UNDERSTOOD
                )
                if not is_rejected or manner is self._manners[-1]:
                    raise


class _Client(openai.DefaultAsyncHttpxClient):
    """Hands on no more of an answer than a bound, decompressed; one cut off there is no JSON any more."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The answer, to be read, without the headers that told how; JSON is UTF-8, whatever charset a server names."""
        response = await super().send(request, **options)
        is_stream = response.is_success and response.headers.get("content-type", "").startswith(_EVENTS)
        bounded = _Bounded(response, _MOST_STREAMED_BYTES if is_stream else MOST_BYTES)
        kept = [each for each in response.headers.items() if each[0] not in _OF_THE_TRANSFER]
        read = httpx2.Response(response.status_code, headers=kept, stream=bounded, request=request)
        read.encoding = "utf-8"
        return read


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response, most_bytes: int) -> None:
        self._response = response
        self._left = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._response.aiter_bytes()) as parts:
            async for part in parts:
                self._left -= len(part)
                if self._left < 0:
                    return
                yield part

    async def aclose(self) -> None:
        await self._response.aclose()


@asynccontextmanager
async def open_model(settings: ModelSettings) -> AsyncIterator[Model]:
    """The model of these settings; its connections are closed at the end."""
    # their lines have URLs, and at DEBUG whatever they please
    for name in ("openai", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = openai.AsyncOpenAI(
        api_key=settings.api_key or _NO_KEY,
        base_url=settings.base_url,
        timeout=settings.timeout_seconds,
        # a person waits, and has /retry; the SDK would wait for up to two minutes where a 429 says so
        max_retries=0,
        # a server that is sent the dialogue is one that the operator named
        http_client=_Client(follow_redirects=False, headers=_AS_IT_IS),
    )
    async with client:
        yield Model(client, settings)


def conversations(window: Sequence[Message], prompt: str | None) -> list[list[Said]]:
    """What the model is told, and what instead where that is too long: newer halves, at last the newest message alone.

    By messages and not by turns: questions without an answer, of which one may be too long, are one turn.
    """
    told = [message for message in window if message.content.strip()]
    system = [message for message in told if message.role == "system"]
    parts = [[message for message in told if message.role != "system"]]
    while len(parts) < _MOST_ASKS - 1:
        parts.append(newer_half(parts[-1]))
    parts.append(parts[0][-1:])
    return [said for said, _ in groupby(conversation([*system, *part], prompt) for part in parts)]


def conversation(told: Sequence[Message], prompt: str | None) -> list[Said]:
    """The system message or the prompt, then people and bot by turns.

    Many servers' templates refuse two turns of one role in succession, as a question without an answer leaves them, and
    a dialogue that begins with an answer, whose question was trimmed off.
    """
    system = [message.content for message in told if message.role == "system"] or ([prompt] if prompt else [])
    turns = [(message.role, message.content) for message in told if message.role != "system"]
    said: list[Said] = [
        (role, "\n\n".join(content for _, content in group)) for role, group in groupby(turns, key=itemgetter(0))
    ]
    if said and said[0][0] == "assistant":
        del said[0]
    return [("system", content) for content in system] + said


def newer_half(messages: list[Message]) -> list[Message]:
    """The newest messages that have half of the characters, at least the last."""
    room = sum(len(message.content) for message in messages) // 2
    kept = messages[-1:]
    for message in reversed(messages[:-1]):
        if sum(len(each.content) for each in [message, *kept]) > room:
            break
        kept.insert(0, message)
    return kept


async def _hear(parts: AsyncIterator[bytes], answer: Answer, limit: asyncio.Timeout) -> None:
    """Reads the answer until its end or its bound; each part has its own time within the whole one's."""
    loop, deadline = asyncio.get_running_loop(), limit.when() or 0.0
    async with aclosing(data(parts)) as events:
        async for event in events:
            answer.take(event)
            if answer.is_full:
                return
            if seconds := answer.patience_seconds:
                limit.reschedule(min(deadline, loop.time() + seconds))
