"""Replies of a model behind any server with OpenAI's API of chat completions."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, cast

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam

from botcli.incoming import clean
from botcli.replies import Heard, NoReply, Reply, Tokens, TooLong, failures, ignore
from botcli.replies.settings import ModelSettings
from botcore import Message, tracing

# what no answer costs; a server that says so has miscounted
_MOST_TOKENS: Final = 10**9
# each with half of the one before, as long as the server says that it is too long
_MOST_ASKS: Final = 5
# of an answer that is stored and sent, several messages long
_MOST_CHARACTERS: Final = 32_000
# each of them can be 12 bytes of JSON, and what the model thought may stand beside them
_MOST_BYTES: Final = 4 * 2**20
# the SDK wants one, and a server without keys does not look at it
_NO_KEY: Final = "none"
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
        self._tracer = tracing.tracer("botcli")

    async def reply(self, window: Sequence[Message], heard: Heard = ignore) -> Reply:
        """What the model says to the window; where that is too long for it, to ever newer parts.

        Raises NoReply, within the time-out, and logs it by its kind.
        """
        if not window or window[-1].role != "user":
            raise TooLong
        try:
            async with asyncio.timeout(self._timeout_seconds):
                said = await self._answer(window)
        except TimeoutError:
            failure: NoReply = failures.TimedOut()
            _log.warning(failures.to_do(failure, None), extra={"kind": failure.kind})
            raise failure from None
        heard(said.text)
        return said

    async def _answer(self, window: Sequence[Message]) -> Reply:
        *longer, shortest = conversations(window, self._prompt)
        for said in longer:
            with suppress(TooLong):
                return await self._ask(said)
        return await self._ask(shortest)

    async def _ask(self, said: list[Said]) -> Reply:
        with tracing.span(self._tracer, "chat", "CLIENT", {"gen_ai.request.model": self._name}):
            failure: NoReply
            try:
                messages = cast("list[ChatCompletionMessageParam]", [{"role": r, "content": c} for r, c in said])
                completion = await self._client.chat.completions.create(model=self._name, messages=messages)
                return _reply(completion, sum(len(content) for _, content in said))
            except NoReply as error:
                failure, status = error, None
            except Exception as error:  # noqa: BLE001 - over `charset=zlib` the HTTP client raises an AssertionError
                failure, status = failures.read(error), getattr(error, "status_code", None)
            # outside of `except`: what the SDK raised holds the dialogue and the key, and is not handed on
            level = logging.ERROR if isinstance(failure, failures.NotAvailable) else logging.WARNING
            _log.log(level, failures.to_do(failure, status), extra={"kind": failure.kind, "status": status})
            raise failure


class _Client(openai.DefaultAsyncHttpxClient):
    """Reads no more of an answer than _MOST_BYTES, decompressed; one cut off there is no JSON any more."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The answer, read, without the headers that told how; JSON is UTF-8, whatever charset a server names."""
        response = await super().send(request, **options | {"stream": True})
        body = bytearray()
        try:
            async with aclosing(response.aiter_bytes()) as parts:
                async for part in parts:
                    body += part
                    if len(body) > _MOST_BYTES:
                        break
        finally:
            await response.aclose()
        kept = [each for each in response.headers.items() if each[0] not in _OF_THE_TRANSFER]
        read = httpx2.Response(response.status_code, headers=kept, content=bytes(body[:_MOST_BYTES]), request=request)
        read.encoding = "utf-8"
        return read


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
        http_client=_Client(follow_redirects=False),
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


def _reply(completion: Any, characters: int) -> Reply:
    """The first choice. The SDK checks nothing of what a server sends: it can be a text, or lack anything."""
    try:
        choice = completion.choices[0]
        text, reason = choice.message.content, getattr(choice, "finish_reason", None)
    except (AttributeError, IndexError, KeyError, TypeError):
        raise failures.Malformed from None
    tokens = _tokens(getattr(completion, "usage", None), characters)
    if reason == "content_filter" or getattr(choice.message, "refusal", None):
        raise failures.Refused(tokens)
    if text is not None and not isinstance(text, str):
        raise failures.Malformed(tokens)
    if not (text := clean(text).strip()):
        raise failures.Empty(tokens)
    is_partial = reason == "length" or len(text) > _MOST_CHARACTERS
    return Reply(text[:_MOST_CHARACTERS].rstrip(), tokens, is_partial)


def _tokens(usage: Any, characters: int) -> Tokens | None:
    """None where the server did not count, or not in numbers."""
    read, written = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
    if not (type(read) is int and type(written) is int):
        return None
    if not (0 <= read <= _MOST_TOKENS and 0 <= written <= _MOST_TOKENS):
        return None
    return Tokens(read, written, characters)
