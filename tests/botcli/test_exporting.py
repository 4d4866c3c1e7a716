"""`botcli export` of conversations: each format, whole or not at all, and back by `botcli import`."""

import csv
import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyarrow import parquet

from botcli.cli.exporting import export
from botcli.cli.importing import import_
from botcli.transfer.writing import WRITERS, Lines
from botcore import Database, InvalidInput, NotFound, Said
from tests.archives import contents
from tests.botcli.conftest import Start
from tests.conftest import CreateDatabase
from tests.factories import SENT_AT, dialogue, said

pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("migrator")]

Captured = pytest.CaptureFixture[str]


@pytest.fixture
async def conversation(database: Database) -> None:
    """A question with its answer, and what somebody says in a group that would be more than text."""
    question = (await said(database, content="Will it *work*?")).message
    answer: dict[str, Any] = {"role": "assistant", "content": "It must.", "sent_at": SENT_AT + timedelta(days=1)}
    await database.messages.add(**dialogue(question), **answer, reply_to_id=question.id)
    group = {"telegram_chat_id": -5, "chat_type": "group", "chat_title": "# <b>Engines</b>\n"}
    await said(database, **group, content='=1+1,"\n<script>\x1b[2J', kind="photo")
    await said(database, **group, content="", kind="sticker", telegram_message_id=101)


async def exported(path: Path, **options: Any) -> bytes:
    """What is in the file then."""
    await export(output_file=path, **options)
    return path.read_bytes()  # noqa: ASYNC240 - a test waits


@pytest.mark.usefixtures("conversation")
async def test_export_and_import_into_another_database(
    tmp_path: Path,
    connection: psycopg.Connection,
    create_database: CreateDatabase,
    template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There it is the same, of the same bot, replies among it; its own export differs in botcore's ids alone."""
    lines = await exported(tmp_path / "all.jsonl")
    with create_database(template) as url, psycopg.connect(url) as other:
        monkeypatch.setenv("DATABASE_URL", url)
        # so that ids are others
        other.execute("SELECT setval('messages_id_seq', 1000)")

        assert await import_(tmp_path / "all.jsonl") == 0
        stored = contents(other)
        assert await import_(tmp_path / "all.jsonl", append=True) == 0
        again = await exported(tmp_path / "again.jsonl")

        assert stored == contents(connection) == contents(other)
        assert len(stored) == 4
    assert without_ids(again) == without_ids(lines)


def names(folder: Path) -> list[str]:
    """The files in a folder."""
    return [path.name for path in folder.iterdir()]


def without_ids(lines: bytes) -> list[dict[str, Any]]:
    """The lines' objects without botcore's ids."""
    found = map(json.loads, lines.splitlines())
    return [{name: value for name, value in each.items() if name not in {"id", "reply_to_id"}} for each in found]


@pytest.mark.usefixtures("conversation")
async def test_export_formats(tmp_path: Path) -> None:
    """Each has every message, but openai those without words; a text stays what it is, and is no more than text."""
    files = {each: await exported(tmp_path / each, format=each) for each in WRITERS}

    rows = list(csv.DictReader(io.StringIO(files["csv"].decode(), newline="")))
    assert [row["content"] for row in rows] == ["Will it *work*?", "It must.", '=1+1,"\n<script>\x1b[2J', ""]
    assert rows[1]["telegram_user_id"] == "7"
    table = parquet.read_table(io.BytesIO(files["parquet"])).to_pylist()
    assert [row["content"] for row in table] == [row["content"] for row in rows]
    assert table[1]["sent_at"] == SENT_AT + timedelta(days=1)
    assert [json.loads(line) for line in files["openai"].splitlines()] == [
        {
            "messages": [
                {"role": "user", "content": "Will it *work*?"},
                {"role": "assistant", "content": "It must."},
            ]
        },
        {"messages": [{"role": "user", "content": '=1+1,"\n<script>\x1b[2J'}]},
    ]
    assert files["markdown"].decode() == MARKDOWN


MARKDOWN = """\
# Ada

private 7 of bot 1

## 2026-01-01

**Ada Lovelace** 12:00

> Will it *work*?

## 2026-01-02

**bot** 12:00

> It must.

# # &lt;b>Engines&lt;/b>\x20

group -5 of bot 1

## 2026-01-01

**Ada Lovelace** 12:00, photo

> =1+1,"
> &lt;script> [2J

**Ada Lovelace** 12:00, sticker

"""


@pytest.mark.usefixtures("conversation")
async def test_export_of_a_chat(tmp_path: Path) -> None:
    """Named by the bot and Telegram's id, within a time; one that is not there is not found, and leaves no file."""
    some = await exported(tmp_path / "some", bot=1, chat=7, since=SENT_AT.replace(tzinfo=None) + timedelta(hours=1))

    assert [json.loads(line)["content"] for line in some.splitlines()] == ["It must."]
    with pytest.raises(NotFound):
        await exported(tmp_path / "none", bot=2, chat=7)
    with pytest.raises(InvalidInput, match="needs --bot"):
        await exported(tmp_path / "none", chat=7)
    assert names(tmp_path) == ["some"]


@pytest.mark.usefixtures("conversation")
async def test_export_into_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is exported is all that is shown: no bar is drawn into it."""
    terminal, end = os.openpty()
    with os.fdopen(end, "w", encoding="utf-8") as screen:
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "stderr", screen)
        await export(format="jsonl")
    shown = os.read(terminal, 10_000)
    os.close(terminal)

    assert [json.loads(line)["role"] for line in shown.splitlines()] == ["user", "assistant", "user", "user"]


@pytest.mark.usefixtures("conversation")
async def test_export_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """A file is overwritten on request alone, by a whole one alone, and is its owner's."""
    path = tmp_path / "all.jsonl"
    path.write_text("before")
    with pytest.raises(InvalidInput, match="--force overwrites it"):
        await exported(path)

    class Full(Lines):
        def close(self) -> None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(WRITERS, "jsonl", Full)
        with pytest.raises(OSError, match="No space"):
            await exported(path, force=True)
    assert (names(tmp_path), path.read_text()) == (["all.jsonl"], "before")

    await exported(path, force=True)

    assert path.read_bytes().count(b"\n") == 4
    assert path.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr() == ("messages\t4\n", "")


@pytest.mark.usefixtures("conversation")
async def test_export_of_a_person_over_a_file(tmp_path: Path) -> None:
    """What everybody could read before is its owner's alone then, and another file: who had it open has the old one."""
    path = tmp_path / "person"
    path.write_text("before")
    path.chmod(0o644)
    with path.open() as before:
        found = await exported(path, user=7, force=True)

        assert before.read() == "before"
    assert found.startswith(b"{")
    assert path.stat().st_mode & 0o777 == 0o600


def test_markdown_and_openai_of_odd_fields() -> None:
    """Nothing of a message is more than text: neither its kind nor a control character of C1."""
    odd = Said(
        bot_id=1, telegram_chat_id=7, chat_type="private", role="user", content="a\x9bb", sent_at=SENT_AT,
        kind="x\n# <b>",
    )  # fmt: skip
    written = {}
    for name in ("markdown", "openai"):
        file = io.BytesIO()
        writer = WRITERS[name](file)
        writer.write(odd)
        writer.close()
        written[name] = file.getvalue().decode()

    assert ", x # &lt;b>\n" in written["markdown"]
    assert written["openai"] == '{"messages": [{"role": "user", "content": "a\\u009bb"}]}\n'


@pytest.mark.usefixtures("conversation")
async def test_export_to_a_reader_that_leaves(start: Start) -> None:
    """To stdout by -; a pipe whose reader has gone is no error to tell."""
    process = await start("export", "-o", "-")
    out, err = await process.communicate()
    assert (process.returncode, out.count(b"\n"), err) == (0, 4, b"")

    process = await start("export", "--format", "csv")
    assert process.stdout
    process.stdout._transport.close()  # type: ignore[attr-defined] # nothing else closes this end alone

    assert (await process.wait(), await process.stderr.read() if process.stderr else b"") == (141, b"")
