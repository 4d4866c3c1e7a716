"""JSON Lines: what a line says, and what in it cannot be stored."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcli.transfer import lines, reading
from botcli.transfer.reading import Batch
from botcore import ChatType, Delivery, Role, Said
from tests.botcli.test_reading import read

LINE: dict[str, Any] = {
    "bot_id": -1,
    "telegram_chat_id": -5,
    "chat_type": "group",
    "telegram_message_id": 1,
    "role": "user",
    "content": "Hello",
    "sent_at": "2026-01-01T12:00:00+00:00",
}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"role": "boss"}', "role must be one of system, user, assistant"),
        ('{"delivery": "sent"}', "delivery must be one of"),
        ('{"sent_at": "noon"}', "holds a time that cannot be read"),
        ('{"sent_at": "2026-01-01T12:00:00"}', "sent_at has no time zone"),
        ('{"bot_id": null}', "bot_id is missing"),
        ('{"telegram_message_id": true}', "telegram_message_id must be an int"),
        ('{"message_thread_id": null}', "message_thread_id is missing"),
        ('{"kind": null}', "kind is missing"),
        ('{"content": "\\ud83d"}', "content holds a lone surrogate"),
    ],
)
def test_bad_line_of_a_value(tmp_path: Path, line: str, reason: str) -> None:
    """What the value of one field makes unfit is told by its place, and the lines around it are sound."""
    batch = lines_of(tmp_path, json.dumps(LINE), json.dumps(LINE | json.loads(line)), json.dumps(LINE))

    assert len(batch.said) == 2
    [bad] = batch.bad
    assert bad.place.startswith("message 2 of the file, ")
    assert bad.reason.startswith(reason)


@pytest.mark.parametrize(("line", "reason"), [("{", "is no JSON"), ("[]", "is no object"), ("{}", "is missing")])
def test_bad_line(tmp_path: Path, line: str, reason: str) -> None:
    """A line that is no message is told by its number; an empty one is none."""
    batch = lines_of(tmp_path, json.dumps(LINE), "", line, json.dumps(LINE))

    assert len(batch.said) == 2
    [bad] = batch.bad
    assert (bad.place, bad.reason.endswith(reason)) == ("message 2 of the file, on line 3", True)


def lines_of(folder: Path, *texts: str) -> Batch:
    """The only batch of a file of lines."""
    path = folder / "export.jsonl"
    path.write_text("".join(f"{text}\n" for text in texts))
    return read(path)


def test_last_line_that_is_cut_off(tmp_path: Path) -> None:
    """The lines before it are sound, and it is told which one is not."""
    path = tmp_path / "export.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps(LINE)[:-9]}")

    batch = read(path)

    assert len(batch.said) == 1
    assert str(batch.broken) == "line 2 is cut off: what came before is sound"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
IDS = st.integers(-(2**63), 2**63 - 1)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
SAID = st.builds(
    Said,
    bot_id=IDS,
    telegram_chat_id=IDS,
    business_connection_id=TEXTS,
    chat_type=st.sampled_from(get_args(ChatType)),
    chat_title=TEXTS | st.none(),
    telegram_user_id=IDS | st.none(),
    first_name=TEXTS | st.none(),
    id=IDS,
    telegram_message_id=IDS | st.none(),
    role=st.sampled_from(get_args(Role)),
    kind=st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
    content=TEXTS,
    sent_at=TIMES,
    edited_at=TIMES | st.none(),
    reply_to_id=IDS | st.none(),
    sender_chat_id=IDS | st.none(),
    delivery=st.sampled_from([None, *get_args(Delivery)]),
)


@given(st.lists(SAID, min_size=1, max_size=3))
def test_lines_are_read_as_they_were_written(messages: list[Said]) -> None:
    """Whatever a message says, a line of it is one line, and says the same."""
    written = b"".join(map(lines.line, messages))

    [batch] = reading.batches(lines.messages(written.splitlines(keepends=True)), lambda: 0)

    assert written.count(b"\n") == len(messages)
    assert batch.said == messages
