"""Processes of the bot to be killed, and a Telegram that delivers each update up to five times."""

import asyncio
import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from tests.botcli.bot_api import TOKEN, BotApi
from tests.botcli.updates import message

CANARY = "canary-text"
LEASE_SECONDS = 2


class Repeating(BotApi):
    """Telegram; what was confirmed comes again among what is new, up to four times."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed_ids: set[int] = set()
        self._again: dict[int, tuple[int, dict[str, Any]]] = {}

    def say(self, number: int, chats: int) -> None:
        """Queues the message with this number, in one of the private chats."""
        chat_id = number % chats + 1
        chat = {"id": chat_id, "type": "private", "first_name": "Ada"}
        person = {"id": chat_id, "is_bot": False, "first_name": "Ada"}
        # no number that an answer in this chat may get
        message_id = 1_000_000 + number
        self.deliver(message=message(f"{number} {CANARY}", message_id=message_id, chat=chat, sender=person))

    def answers(self) -> Counter[int]:
        """How often each message was answered, by its number."""
        return Counter(int(sent["text"].split()[0]) for sent in self.sent)

    def orders(self) -> list[list[int]]:
        """Of each chat the numbers of its answers, as they came."""
        chats = defaultdict[str, list[int]](list)
        for sent in self.sent:
            chats[sent["chat_id"]].append(int(sent["text"].split()[0]))
        return list(chats.values())

    async def _getUpdates(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        offset = int(parameters.get("offset", 0))
        for update in self.updates:
            if update["update_id"] < offset:
                self.confirmed_ids.add(update["update_id"])
                self._again[update["update_id"]] = (random.randrange(5), update)  # noqa: S311 - no secret
        again = self._some_again()
        if again and not [update for update in self.updates if update["update_id"] >= offset]:
            parameters = {**parameters, "timeout": 0}
        fresh = await super()._getUpdates(parameters)
        return sorted(again + fresh, key=lambda update: update["update_id"])[:100]

    def _some_again(self) -> list[dict[str, Any]]:
        self._again = {number: left for number, left in self._again.items() if left[0]}
        chosen = random.sample(list(self._again), min(30, len(self._again)))
        for number in chosen:
            times, update = self._again[number]
            self._again[number] = (times - 1, update)
        return [self._again[number][1] for number in chosen]


class Bots:
    """Processes of `botcli run` on one token; their log lines stand in one file each."""

    def __init__(self, url: str, api: BotApi, folder: Path, **settings: str) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._environment = kept | {
            "DATABASE_URL": url,
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": api.url,
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "UPDATE_LEASE_SECONDS": str(LEASE_SECONDS),
            "SEND_PER_SECOND": "10000",
            "SEND_PER_CHAT_PER_MINUTE": "10000",
            **settings,
        }
        self.running: list[asyncio.subprocess.Process] = []
        self._started = 0

    @classmethod
    @asynccontextmanager
    async def of(cls, url: str, api: BotApi, folder: Path, **settings: str) -> AsyncIterator[Self]:
        """None of them outlives the block."""
        bots = cls(url, api, folder, **settings)
        try:
            yield bots
        finally:
            for process in bots.running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def start(self) -> asyncio.subprocess.Process:
        """One more process."""
        self._started += 1
        with (self._folder / f"{self._started}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "botcli", "run", env=self._environment, cwd=self._folder, stderr=log
            )
        self.running.append(process)
        return process

    async def kill(self) -> None:
        """Kill -9 of one that runs, whichever."""
        process = random.choice(self.running)  # noqa: S311 - no secret
        self.running.remove(process)
        process.kill()
        await process.wait()

    def log(self) -> str:
        """All that all of them logged."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def unconfirmed(self) -> set[int]:
        """The updates of which a log line says that nobody knows whether a send of theirs arrived."""
        lines = (json.loads(line) for line in self.log().splitlines() if '"unconfirmed' in line)
        return {line["update_id"] for line in lines}
