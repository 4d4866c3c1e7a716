"""`botcli stats`: how a bot is used, on a screen, as JSON and as a picture."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from matplotlib.figure import Figure
from rich.cells import cell_len

from botcli import bars, charts
from botcli.cli import stats as command
from botcli.cli.stats import stats
from botcli.overview import Name
from botcore import Database, InvalidInput
from tests.factories import dialogue, said

NOVEMBER: dict[str, Any] = {"since": "2026-11-01", "until": "2026-12-01"}
HOSTILE = "\x1b[2J[red]\n" + "\u7fa4\u7d44" * 30

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture(autouse=True)
async def talk(database: Database) -> None:
    """Two questions in a group, of which one was answered after 1.5 s; and ten in private chats."""
    sent_at = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
    group: dict[str, Any] = {
        "telegram_chat_id": -5,
        "chat_type": "group",
        "chat_title": HOSTILE,
        "telegram_message_id": None,
    }
    for number in range(2):
        message = (await said(database, **group, sent_at=sent_at + timedelta(minutes=number))).message
    answer: dict[str, Any] = {**dialogue(message), "role": "assistant", "content": "Hello", "reply_to_id": message.id}
    await database.messages.add(**answer, sent_at=message.sent_at + timedelta(seconds=1.5))
    for telegram_user_id in range(10, 20):
        await said(database, telegram_user_id=telegram_user_id, sent_at=sent_at + timedelta(days=2))


@pytest.mark.parametrize("width", [80, 60, 50])
async def test_stats_fit_on_a_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """What is told of a month fits into a terminal of 24 lines, whatever a chat is called."""
    monkeypatch.setenv("COLUMNS", str(width))

    await stats(bot=1, **NOVEMBER)

    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 23
    assert max(map(cell_len, out.splitlines())) <= width
    assert "\x1b" not in out
    assert "Messages a day, 10 at most, on 2026-11-07" in out
    assert re.search(r"people +12 +11 +11 +60 +5\n" if width > 50 else r"people +12 +11 +11 +60\n", out)
    assert "\u2026" not in re.sub(r"\u7fa4\S*", "", out)
    assert "Answers  8.3% of 12, half in 1.5 s, 95% in 1.5 s" in out
    assert re.search(r"\n\\x1b\[2J\[red\] \u7fa4\S+ +3 +1\n", out)


async def test_stats_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure with all its rows, and of which range they are; of one figure that alone."""
    await stats(bot=1, **NOVEMBER, zone="Europe/Berlin", json=True)
    told = json.loads(capsys.readouterr().out)
    await stats(bot=1, **NOVEMBER, figure="hours", json=True)
    hours = json.loads(capsys.readouterr().out)["figures"]

    assert told["since"] == "2026-10-31T23:00:00+00:00"
    assert sorted(told["figures"]) == sorted(command._ALL)
    assert len(told["figures"]["daily"]) == 30
    assert list(hours) == ["hours"]
    assert [each for each in hours["hours"] if each["messages"]] == [
        {"weekday": 4, "hour": 9, "messages": 2},
        {"weekday": 6, "hour": 9, "messages": 10},
    ]


@pytest.mark.parametrize("figure", command._ALL)
async def test_stats_of_one_figure(
    capsys: pytest.CaptureFixture[str], figure: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is printed with its numbers whole in 60 columns, of a bot that has none too."""
    monkeypatch.setenv("COLUMNS", "60")

    await stats(bot=1, **NOVEMBER, figure=figure)
    await stats(bot=404, **NOVEMBER, figure=figure)

    found, none = capsys.readouterr().out.split("Bot 404")
    assert "\u2026" not in re.sub(r"(\\x1b|\u7fa4)\S*", "", found)
    assert "\x1b" not in found + none


@pytest.mark.parametrize("figure", ["daily", "top_chats"])
async def test_stats_of_large_numbers(
    capsys: pytest.CaptureFixture[str], figure: Name, monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection
) -> None:
    """A line for each row in 80 columns, of a supergroup with 100,000 characters and its id as a program takes it."""
    monkeypatch.setenv("COLUMNS", "80")
    connection.execute("UPDATE chats SET telegram_chat_id = -1001234567890, type = 'supergroup' WHERE type = 'group'")
    connection.execute("UPDATE messages SET content = repeat('x', 4096)")
    for _ in range(3):
        connection.execute(
            "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
            " SELECT chat_id, user_id, role, content, sent_at FROM messages WHERE role <> 'system'"
        )

    await stats(bot=1, **NOVEMBER, figure=figure)

    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) == 2 + {"daily": 30, "top_chats": 10}[figure]
    assert max(map(cell_len, lines)) <= 80
    assert figure == "daily" or re.search(r" -1001234567890 +24 +1 +98,304 +2026-11-05\n", out)


async def test_stats_of_a_bot_that_nobody_wrote_to(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing, and it is said."""
    await stats()

    out = capsys.readouterr().out
    assert out.startswith("Bot 0, ")
    assert "Messages a day, none\nPeople a day, none\n" in out
    assert "Answers  no question" in out


async def test_stats_as_a_picture(tmp_path: Path) -> None:
    """A PNG, also of nothing; what is there already stays, unless it may be overwritten."""
    image = tmp_path / "stats.png"

    await stats(bot=1, **NOVEMBER, png=image)
    first = image.read_bytes()
    with pytest.raises(InvalidInput, match="--force overwrites it"):
        await stats(bot=404, days=1, png=image)
    assert image.read_bytes() == first
    with image.open("rb") as seen:
        await stats(bot=404, days=1, png=image, force=True)
        kept = seen.read()

    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert image.read_bytes() != first
    assert kept == first


def test_axes_of_a_day_without_a_message() -> None:
    """One day has its date under it, and no count is a part of one."""
    axis: Any = Figure().subplots()
    days = [date(2026, 11, 1)]
    axis.bar(days, [0], label="people")

    charts._by_day(axis, days, "Messages by day", "messages")

    assert [label.get_text() for label in axis.get_xticklabels()] == ["Nov 01"]
    assert [at for at in axis.get_yticks() if at % 1] == []


def test_axes_of_millions() -> None:
    """A count is written as people write it, and seconds have their parts."""
    axis: Any = Figure().subplots()
    days = [date(2026, 11, 1)]
    axis.bar(days, [1_200_000], label="read")

    charts._by_day(axis, days, "Tokens", "tokens")

    named = axis.yaxis.get_major_formatter().format_ticks([1_200_000, 0.25])
    assert named == ["1,200,000", "0.25"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("--days", {"days": 0}),
        ("--days", {"days": 3_661}),
        ("--days", {"days": 3, "since": "2026-11-01"}),
        ("--until", {"until": "2026-11-01"}),
        ("--until", {"since": "2026-11-01", "until": "tomorrow"}),
        ("--since", {"since": "0001-01-01", "zone": "Asia/Tokyo"}),
        ("--until", {"since": "2026-11-02", "until": "2026-11-01"}),
        ("--since", {"since": "9000-01-01"}),
        ("--since", {"since": "2001-01-01", "until": "2026-11-01"}),
        ("--since", {"since": f"{datetime.now(UTC).date() - timedelta(days=3_661)}"}),
        ("--zone", {"zone": "Europe/Berlni"}),
        ("--zone", {"zone": "../etc/passwd"}),
        ("--replica", {"replica": True}),
        ("--png", {"png": Path("stats.png"), "json": True}),
        ("--png", {"png": Path("nowhere/stats.png")}),
        ("--png", {"png": Path("/"), "force": True}),
    ],
)
async def test_stats_with_wrong_words(field: str, wrong: dict[str, Any]) -> None:
    """What does not fit together is refused by its name."""
    with pytest.raises(InvalidInput) as refused:
        await stats(bot=1, **wrong)

    assert refused.value.field == field


def test_columns() -> None:
    """As high as there are lines; what is little is seen still, and without room the most of several stands."""
    assert bars.columns([0, 1, 8, 16], width=4, height=2, is_unicode=True) == ["   \u2588", " \u2581\u2588\u2588"]
    assert bars.columns([1, 3, 2, 6], width=2, height=1, is_unicode=False) == [":#"]
    assert bars.columns([0, 0], width=80, height=1, is_unicode=False) == [""]


@pytest.mark.parametrize("width", [80, 60, 30])
def test_hours_fit(width: int) -> None:
    """Seven lines under one of hours, none longer than the terminal is wide."""
    lines = bars.hours([(1, 0, 1), (7, 23, 9)], width=width, is_unicode=False)

    assert len(lines) == 8
    assert max(map(len, lines)) <= width
    assert lines[1].startswith("Mon .")
    assert lines[7].endswith("#")
