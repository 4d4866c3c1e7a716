"""Telegram Desktop's export of a group, made up: as long as it is asked to be, and written without holding it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

PEOPLE: Final = 20

_WORDS: Final = ("import", "the", "archive", "of", "a", "chat", "where", "people", "talk", "сообщение", "сегодня", "да")
_BEGAN: Final = datetime(2020, 1, 1, tzinfo=UTC)


def write_export(path: Path, messages: int, group: int = 1_234_567_890) -> None:
    """Writes one chat's result.json as Telegram Desktop does, indentation and all."""
    with path.open("w", encoding="utf-8") as file:
        head = {"name": "Archive", "type": "private_supergroup", "id": group}
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "messages": [')
        for number in range(1, messages + 1):
            text = json.dumps(message(number), ensure_ascii=False, indent=1).replace("\n", "\n  ")
            file.write(f"{',' if number > 1 else ''}\n  {text}")
        file.write("\n ]\n}")


def message(number: int) -> dict[str, Any]:
    """A message: every fourth is a reply, a tenth have something bold, some are photos or edited."""
    moment = _BEGAN + timedelta(seconds=number)
    words = " ".join(_WORDS[(number * step) % len(_WORDS)] for step in range(2, 4 + number % 20))
    pieces = [f"{words} ", {"type": "bold", "text": "archive"}, ""] if number % 10 == 0 else [words]
    return {
        "id": number,
        "type": "message",
        **_times("date", moment),
        **(_times("edited", moment + timedelta(minutes=1)) if number % 100 == 0 else {}),
        "from": f"Person {number * 7 % PEOPLE}",
        "from_id": f"user{1_000_000 + number * 7 % PEOPLE}",
        **({"reply_to_message_id": number * 9 // 10} if number % 4 == 0 else {}),
        **({"photo": f"photos/photo_{number}.jpg", "width": 800, "height": 600} if number % 50 == 0 else {}),
        "text": pieces if len(pieces) > 1 else words,
        "text_entities": list(_entities(pieces)),
    }


def _times(name: str, moment: datetime) -> dict[str, str]:
    return {name: f"{moment:%Y-%m-%dT%H:%M:%S}", f"{name}_unixtime": str(int(moment.timestamp()))}


def _entities(pieces: list[Any]) -> Iterator[dict[str, str]]:
    yield from ({"type": "plain", "text": piece} if isinstance(piece, str) else piece for piece in pieces)
