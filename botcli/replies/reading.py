"""Reads what a model's server says: an answer in parts, as server-sent events, or all of it as one JSON."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, Final

from botcli.replies import Cut, Heard, NoReply, Reply, Tokens, failures
from botcli.replies.hearing import MOST_CHARACTERS, told

MOST_BYTES: Final = 4 * 2**20
"""Of one event, or an answer in one; each character can be 12 bytes of JSON, and thoughts may stand beside them."""

# what no answer costs; a server that says so has miscounted
_MOST_TOKENS: Final = 10**9
# in the middle of a text; before it the model may think
_PART_SECONDS: Final = 30.0
# for the counts after the last part, which is the answer without them
_COUNTS_SECONDS: Final = 2.0
_DONE: Final = "[DONE]"
# of what came at once: 64 KiB can be as many lines, which are 0.1 s of work
_LINES_AT_ONCE: Final = 200


async def data(parts: AsyncIterable[bytes]) -> AsyncGenerator[str, None]:
    """What each event says, as soon as it is whole; what begins with a brace is no stream, but an answer in one."""
    rest, looked_at, is_whole, lines = bytearray(), 0, None, 0
    async for part in parts:
        rest += part
        if is_whole is None and (beginning := rest.lstrip()):
            is_whole = beginning.startswith(b"{")
        while not is_whole and (end := rest.find(b"\n", looked_at)) >= 0:
            line, looked_at = bytes(rest[:end]), 0
            del rest[: end + 1]
            lines += 1
            if lines % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
            if line.startswith(b"data:"):
                yield _text(line[5:])
        looked_at = len(rest)
        if looked_at > MOST_BYTES:
            raise failures.Malformed
    if is_whole:
        yield _text(rest)
    elif rest.startswith(b"data:"):
        yield _text(rest[5:])


class Answer:
    """An answer as far as it came; `heard` is told each part."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._parts: list[str] = []
        self._characters = 0
        self._reason: object = None
        self._usage: object = None
        self._is_refused = False
        self._is_done = False

    @property
    def is_full(self) -> bool:
        """Whether there is as much as is stored: who goes on reading pays for nothing."""
        return self._characters > MOST_CHARACTERS

    @property
    def patience_seconds(self) -> float | None:
        """How long what comes next may take; None where only the whole is bounded."""
        if self._has_ended:
            return _COUNTS_SECONDS
        return _PART_SECONDS if self._parts else None

    def take(self, event: str) -> None:
        """Reads what an event says; raises NoReply for an error, and whatever JSON and Python do for no answer."""
        if event == _DONE:
            self._is_done = True
            return
        said: Any = json.loads(event)
        if error := said.get("error"):
            raise failures.read_event(error)
        self._usage = said.get("usage") or self._usage
        # the counts come without any
        for choice in (said.get("choices") or [])[:1]:
            self._choose(choice)

    def reply(self, characters: int, failure: NoReply | None) -> Reply:
        """The answer to what has so many characters, cut where that failed or did not end; raises NoReply."""
        tokens = _tokens(self._usage, characters)
        if self._is_refused or self._reason == "content_filter":
            raise failures.Refused(tokens)
        text = told(self._parts)
        if not text and (failure or not self._has_ended):
            raise failure or failures.Malformed(tokens)
        if not text:
            raise failures.Empty(tokens)
        return Reply(text[:MOST_CHARACTERS].rstrip(), tokens, self._cut(failure, len(text)))

    @property
    def _has_ended(self) -> bool:
        # not each server says both
        return self._is_done or self._reason is not None

    def _choose(self, choice: dict[str, Any]) -> None:
        self._is_done = self._is_done or "message" in choice
        self._reason = choice.get("finish_reason") or self._reason
        message = choice.get("delta") or choice.get("message") or {}
        self._is_refused = self._is_refused or bool(message.get("refusal"))
        if part := message.get("content"):
            if not isinstance(part, str):
                raise failures.Malformed
            # as it is: to clean all that there is each time took 5 s of an answer
            self._parts.append(part)
            self._characters += len(part)
            self._heard(part)

    def _cut(self, failure: NoReply | None, characters: int) -> Cut | None:
        if self._reason == "length" or characters > MOST_CHARACTERS:
            return "room"
        if self._has_ended:
            return None
        return "time" if isinstance(failure, failures.TimedOut) else "fault"


def _text(line: bytes | bytearray) -> str:
    return line.strip().decode(errors="replace")


def _tokens(usage: Any, characters: int) -> Tokens | None:
    """None where the server did not count, or not in numbers."""
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not (type(read) is int and type(written) is int):
        return None
    if not (0 <= read <= _MOST_TOKENS and 0 <= written <= _MOST_TOKENS):
        return None
    return Tokens(read, written, characters)
