"""A Bot API server of our own: what Telegram does to a bot, over real HTTP and in raw JSON."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from aiohttp import web

BOT_ID = 42
TOKEN = f"{BOT_ID}:canary-AAE_4vxQ7-secret"

RESET = object()
"""A fault: the connection is closed without an answer."""

PASS = object()
"""No fault for the call whose turn this is."""


def flood(seconds: int) -> web.Response:
    """A fault: 429, come again in so many seconds."""
    return _refusal(429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds})


def broken(text: str, status: int = 502) -> web.Response:
    """A fault: an answer of a proxy in between, which is no JSON."""
    return web.Response(status=status, text=text)


def refused(status: int, description: str) -> web.Response:
    """A fault: the server's own refusal."""
    return _refusal(status, description)


def migrated(chat_id: int) -> web.Response:
    """A fault: the group is a supergroup by now."""
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    return _refusal(400, text, parameters={"migrate_to_chat_id": chat_id})


class BotApi:
    """Serves one token; updates wait until an offset confirms them, what the bot sends stands in `sent`."""

    def __init__(self) -> None:
        self.url = ""
        self.updates: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.webhook: dict[str, Any] = {}
        self.webhook_failure: dict[str, Any] = {}
        self._faults: dict[str, deque[Any]] = defaultdict(deque)
        self._update_id = 100
        self._delivered = asyncio.Event()
        self._called = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def serve(cls) -> AsyncIterator[Self]:
        """Listens on a free port of this machine for as long as the block runs."""
        api, application = cls(), web.Application()
        application.router.add_route("*", "/bot{token}/{method}", api._handle)
        # a long poll that is still open at the end is cut off
        runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield api
        finally:
            await runner.cleanup()

    def deliver(self, **update: Any) -> int:
        """Queues an update, say `message={...}`, under the next update_id, which it gives."""
        self._update_id += 1
        self.updates.append({"update_id": self._update_id, **update})
        self._delivered.set()
        return self._update_id

    def fail(self, method: str, *faults: web.Response | object) -> None:
        """The next calls of the method meet these faults, one each."""
        self._faults[method].extend(faults)

    def heal(self) -> None:
        """No call fails any more."""
        self._faults.clear()

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each call of the method."""
        return [parameters for name, parameters in self.calls if name == method]

    async def replies(self, number: int) -> list[str]:
        """The texts that the bot sent, once there are so many."""
        await self.until(lambda: len(self.sent) >= number)
        return [message["text"] for message in self.sent]

    async def confirmed(self) -> None:
        """Returns when the bot has confirmed every update."""
        await self.until(lambda: not self.updates)

    async def until(self, reached: Callable[[], bool], timeout_seconds: float = 30.0) -> None:
        """Returns when that is so; looked at after each call."""
        async with asyncio.timeout(timeout_seconds), self._called:
            await self._called.wait_for(reached)

    async def _handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        parameters = dict(await request.post())
        self.calls.append((method, parameters))
        if request.match_info["token"] != TOKEN:
            return _refusal(401, "Unauthorized")
        if self._faults[method] and (fault := self._faults[method].popleft()) is not PASS:
            return self._fault(request, fault)
        answer = getattr(self, f"_{method}", None)
        result = await answer(parameters) if answer else None
        async with self._called:
            self._called.notify_all()
        return _result(result) if answer else _refusal(404, "Not Found")

    def _fault(self, request: web.Request, fault: web.Response | object) -> web.Response:
        if isinstance(fault, web.Response):
            return fault
        assert request.transport
        request.transport.abort()
        return web.Response()

    async def _getMe(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Telegram's name
        # aiogram logs the name: a way into the log that passes by every exception
        return {"id": BOT_ID, "is_bot": True, "first_name": f"Bot {TOKEN}", "username": "our_bot"}

    async def _setMyCommands(self, _: dict[str, Any]) -> bool:  # noqa: N802
        return True

    async def _getUpdates(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        offset = int(parameters.get("offset", 0))
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        async with self._called:
            self._called.notify_all()
        wanted = json.loads(parameters.get("allowed_updates", "[]"))
        self._delivered.clear()
        if not self.updates:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._delivered.wait(), float(parameters.get("timeout", 0)))
        return [update for update in self.updates if not wanted or update.keys() & set(wanted)][:100]

    async def _sendMessage(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.sent.append(parameters)
        chat_id = parameters["chat_id"]
        return {
            "message_id": 1_000 + len(self.sent),
            "date": int(time.time()),
            "chat": {"id": -1 if chat_id.startswith("@") else int(chat_id), "type": "private"},
            "text": parameters["text"],
        }

    async def _setWebhook(self, parameters: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = parameters
        return True

    async def _deleteWebhook(self, parameters: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = {}
        if parameters.get("drop_pending_updates") == "true":
            self.updates.clear()
        return True

    async def _getWebhookInfo(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
            "allowed_updates": json.loads(self.webhook.get("allowed_updates", "[]")),
            **self.webhook_failure,
        }

    async def _deleteMessage(self, _: dict[str, Any]) -> bool:  # noqa: N802
        return True

    async def _answerWebAppQuery(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {}

    async def _sendChatAction(self, _: dict[str, Any]) -> bool:  # noqa: N802
        return True

    async def _editMessageText(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        chat = {"id": int(parameters["chat_id"]), "type": "supergroup", "title": "Engines"}
        return {"message_id": int(parameters["message_id"]), "date": int(time.time()), "chat": chat, "text": "edited"}

    async def _sendMessageDraft(self, parameters: dict[str, Any]) -> bool:  # noqa: N802
        return not parameters["chat_id"].startswith("-")

    async def _answerCallbackQuery(self, _: dict[str, Any]) -> bool:  # noqa: N802
        return True

    async def _sendDocument(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        # aiogram attaches the file under a name of its own, which `document` tells
        file = parameters.pop(parameters["document"].removeprefix("attach://"))
        text = file.file.read().decode()
        return await self._sendMessage({**parameters, "text": text, "document": file.filename})

    async def _sendPhoto(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        file = parameters.pop(parameters["photo"].removeprefix("attach://"))
        return await self._sendMessage({**parameters, "text": parameters["caption"], "photo": file.file.read()})


def _result(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refusal(code: int, description: str, **more: Any) -> web.Response:
    return web.json_response({"ok": False, "error_code": code, "description": description, **more}, status=code)
