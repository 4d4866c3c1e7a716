"""What the delivery adds to a turn: the update stored, claimed and done, the reply stored before it is sent."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from statistics import median, quantiles
from time import perf_counter
from typing import Any, Final

from benchmarks.server import server
from botcore import Database, Message

ROUNDS: Final = 7
TURNS: Final = 400
TASKS: Final = (1, 8, 32)
BOT: Final = 1
ANSWER: Final[dict[str, Any]] = {"role": "assistant", "content": "Answer"}

Turn = Callable[[Database, int], Coroutine[Any, Any, None]]

_numbers = count(1)


def delivery() -> None:
    """Measures a plain turn, one whose reply is stored before it is sent, and one from a stored update."""
    with server() as url:
        sys.stdout.write(asyncio.run(measure(url)))


async def measure(url: str) -> str:
    """A table: at each number of tasks the milliseconds of each kind of turn, and their ratio to the plain one."""
    lines = [f"medians of {ROUNDS} rounds of {TURNS} turns; in brackets the quartiles of the ratio to plain"]
    async with Database.connect(url, min_size=10) as database:
        for turn in KINDS:
            await _round(database, turn, 8)
        for tasks in TASKS:
            # in turn, since the machine's mood changes
            rounds = [[await _round(database, turn, tasks) for turn in KINDS] for _ in range(ROUNDS)]
            for place, turn in enumerate(KINDS):
                low, middle, high = quantiles([times[place] / times[0] for times in rounds], n=4)
                milliseconds = median(times[place] for times in rounds)
                ratio = f"{middle:.2f} ({low:.2f}..{high:.2f})"
                lines.append(f"{tasks:>3} tasks  {turn.__name__:<13} {milliseconds:>6.2f} ms  {ratio}")
    return "\n".join([*lines, ""])


async def plain(database: Database, chat: int) -> None:
    """Three statements: the message, the window, and the answer once it is sent."""
    dialogue, asked = await _asked(database, chat, next(_numbers))
    await database.messages.add(**dialogue, **ANSWER, reply_to_id=asked, telegram_message_id=next(_numbers))


async def stored_first(database: Database, chat: int) -> None:
    """Four: the answer is stored before it is sent."""
    dialogue, asked = await _asked(database, chat, next(_numbers))
    reply = await database.messages.add(**dialogue, **ANSWER, reply_to_id=asked, delivery="pending")
    await _arrived(database, reply)


async def delivered(database: Database, chat: int) -> None:
    """Seven, for an update that comes alone: stored, its send noted, done; a batch shares the first and the last."""
    number = next(_numbers)
    raw = {"update_id": number, "message": {"message_id": number, "chat": {"id": chat}, "text": "Question"}}
    key: dict[str, Any] = {"bot_id": BOT, "worker": "benchmark"}
    [update] = await database.updates.add(**key, updates=[raw], capacity=1)
    dialogue, asked = await _asked(database, chat, number)
    reply = await database.messages.add(**dialogue, **ANSWER, reply_to_id=asked, delivery="pending", update=update)
    await database.updates.note_sends(**key, update_id=number, sends=1)
    await _arrived(database, reply)
    await database.updates.finish(**key, update_ids=[number])


KINDS: Final[tuple[Turn, ...]] = (plain, stored_first, delivered)


async def _asked(database: Database, chat: int, number: int) -> tuple[dict[str, Any], int]:
    """The dialogue and the message's id, once it is recorded and the window read."""
    message = (await database.messages.record(**_said(chat, number))).message
    dialogue: dict[str, Any] = {"chat_id": message.chat_id, "user_id": message.user_id}
    await database.messages.window(**dialogue, max_messages=20)
    return dialogue, message.id


async def _arrived(database: Database, reply: Message) -> None:
    await database.messages.deliver(
        chat_id=reply.chat_id, message_id=reply.id, delivery=None, telegram_message_id=next(_numbers)
    )


async def _round(database: Database, turn: Turn, tasks: int) -> float:
    """Milliseconds of a turn, where so many tasks take turns, each in a chat of its own."""

    async def work(chat: int) -> None:
        for _ in range(TURNS // tasks):
            await turn(database, chat)

    began = perf_counter()
    await asyncio.gather(*(work(chat + 1) for chat in range(tasks)))
    return (perf_counter() - began) / (TURNS // tasks * tasks) * 1e3


def _said(chat: int, number: int) -> dict[str, Any]:
    return {
        "bot_id": BOT,
        "telegram_user_id": chat,
        "first_name": "Ada",
        "last_name": None,
        "username": None,
        "language_code": "en",
        "telegram_chat_id": chat,
        "chat_type": "private",
        "chat_title": None,
        "telegram_message_id": number,
        "role": "user",
        "content": "Question",
        "sent_at": datetime.now(UTC),
    }
