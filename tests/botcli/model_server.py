"""A server of our own with OpenAI's API of chat completions: what models do to a bot, over real HTTP."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from typing import Any, Self

from aiohttp import web

KEY = "canary-sk-7Qx-key"
MODEL = "tiny"
READ, WRITTEN = 30, 5

DONE = "data: [DONE]\n\n"
BREAK = "the connection is lost"

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


def completion(text: str | None, **changes: Any) -> dict[str, Any]:
    """An answer; `finish_reason`, `refusal` and `usage` can be said."""
    message = {"role": "assistant", "content": text, "refusal": changes.pop("refusal", None)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_268_800,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": changes.pop("finish_reason", "stop")}],
        "usage": {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN},
    } | changes


def says(text: str | None, *, seconds: float = 0.0, **changes: Any) -> Behaviour:
    """Answers, after so many seconds: word by word who asks for a stream, unless told what the choices are."""

    async def behave(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        whole, asked = completion(text, **changes), await request.json()
        if not asked.get("stream") or "choices" in changes:
            return web.json_response(whole)
        words = [part(each) for each in re.findall(r"\s*\S+|\s+", text or "")]
        message, reason = whole["choices"][0]["message"], whole["choices"][0]["finish_reason"]
        last = {"choices": [{"index": 0, "delta": {"refusal": message["refusal"]}, "finish_reason": reason}]}
        counts = [{"choices": [], "usage": whole["usage"]}] * bool(asked.get("stream_options"))
        return await streams(*words, last, *counts, DONE)(request)

    return behave


def part(text: str | None, **changes: Any) -> dict[str, Any]:
    """An event of a stream."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None} | changes]}


def streams(*steps: dict[str, Any] | str | float) -> Behaviour:
    """Sends each step: an event, a text as it is; waits so many seconds, for ever with a negative one; or BREAKs."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        # who heard enough hangs up
        with suppress(ConnectionError):
            for step in steps:
                await _step(request, response, step)
        return response

    return behave


async def _step(request: web.Request, response: web.StreamResponse, step: dict[str, Any] | str | float) -> None:
    if step == BREAK:
        # what was sent arrives before the loss does
        await asyncio.sleep(0.05)
        assert request.transport
        request.transport.abort()
    elif isinstance(step, dict):
        await response.write(f"data: {json.dumps(step)}\n\n".encode())
    elif isinstance(step, str):
        await response.write(step.encode())
    else:
        await asyncio.sleep(step if step >= 0 else 3_600)


def fails(status: int, message: str = "canary", code: str | None = None, **headers: str) -> Behaviour:
    """Refuses in OpenAI's form; a header's underscores are hyphens."""

    async def behave(_: web.Request) -> web.Response:
        error = {"message": message, "type": "some_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status, headers=_named(headers))

    return behave


def sends(body: str | bytes, content_type: str = "application/json", status: int = 200, **headers: str) -> Behaviour:
    """Sends that body as it is; a header's underscores are hyphens."""

    async def behave(_: web.Request) -> web.Response:
        named = {"Content-Type": content_type} | _named(headers)
        # bytes of more than a megabyte are an error of aiohttp's, which would be taken for the answer
        return web.Response(
            body=BytesIO(body if isinstance(body, bytes) else body.encode()), status=status, headers=named
        )

    return behave


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def stalls(_: web.Request) -> web.StreamResponse:
    """Takes the question, and says nothing any more."""
    await asyncio.sleep(3_600)
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """Sends a space now and then, as some do who keep a connection open."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def breaks_off(request: web.Request) -> web.StreamResponse:
    """Closes the connection in the middle of an answer."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "canary')
    assert request.transport
    request.transport.abort()
    return response


class ModelServer:
    """Answers `Yes: <the last message>`, unless `behaves` was told otherwise; `asked` has what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[list[tuple[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self._behaviours: deque[Behaviour] = deque()
        self._was_asked = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def serve(cls) -> AsyncIterator[Self]:
        """Listens on a free port of this machine for as long as the block runs."""
        server, application = cls(), web.Application()
        application.router.add_post("/v1/chat/completions", server._complete)
        runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            yield server
        finally:
            await runner.cleanup()

    def behaves(self, *behaviours: Behaviour) -> None:
        """The next questions meet these, one each."""
        self._behaviours.extend(behaviours)

    async def until_asked(self, number: int) -> None:
        """Returns once it was asked so often."""
        async with asyncio.timeout(30), self._was_asked:
            await self._was_asked.wait_for(lambda: len(self.asked) >= number)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        async with self._was_asked:
            self.asked.append([(each["role"], each["content"]) for each in body["messages"]])
            self._was_asked.notify_all()
        if body["model"] != MODEL:
            return await fails(404, "The model does not exist", "model_not_found")(request)
        behave = self._behaviours.popleft() if self._behaviours else says(f"Yes: {self.asked[-1][-1][1]}")
        return await behave(request)
