"""`botcli sql`: the queries listed, shown, pasted, run and explained."""

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pexpect
import psycopg
import pytest

from botcli.cli import sql
from botcore import Database, InvalidInput, Message, User, queries
from tests.botcli.conftest import Start
from tests.factories import said

WORDS = "it's \\ 100% %s \U0001f389 :'chat_id' $1\n\\! echo no\n; DROP TABLE users; --\t"
HOSTILE = "\x1b[2Jcleared\x1b]0;renamed\x07 [red]coloured[/red]"


pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
async def user(database: Database) -> User:
    """A person."""
    return await database.users.get_or_create(telegram_user_id=7, first_name="Ada")


@pytest.fixture
async def message(database: Database) -> Message:
    """A message that is not easy to quote."""
    return (await said(database, content=WORDS)).message


@pytest.fixture
def psql(psql_binaries: Path, database_url: str) -> Callable[[str], str]:
    """Runs a text in psql, and gives what it prints as CSV."""

    def psql(text: str) -> str:
        command = [str(psql_binaries / "psql"), "--no-psqlrc", "--csv", "-v", "ON_ERROR_STOP=1", database_url]
        return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout

    return psql


def get(message: Message) -> list[str]:
    """The parameters of messages/get."""
    return [f"chat_id={message.chat_id}", f"message_id={message.id}"]


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Every query with the first sentence of its header."""
    sql.list_()
    lines = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    sql.list_(json=True)
    document = json.loads(capsys.readouterr().out)

    assert list(lines) == queries.names()
    assert all(sentence.endswith(".") and ". " not in sentence for sentence in lines.values())
    assert lines["messages/get"] == "One live message of a chat."
    assert document[0] == {"name": queries.names()[0], "sentence": lines[queries.names()[0]]}


async def test_list_imports(start: Start) -> None:
    """Reading a query needs neither the bot nor the migrations, and starts fast."""
    process = await start("sql", "list", PYTHONPROFILEIMPORTTIME="1")
    _, err = await process.communicate()

    modules = {line.rpartition("|")[2].strip() for line in err.decode().splitlines()}
    assert "botcore.queries" in modules
    assert modules & {"aiogram", "sqlalchemy", "alembic", "rich"} == set()


def test_list_with_a_reader_that_leaves(environment: dict[str, str]) -> None:
    """A closed pipe is nobody's fault: no word on stderr."""
    command = f"{sys.executable} -m botcli sql list | true; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("141\n", "")


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    """A query's file, byte by byte."""
    for name in queries.names():
        sql.show(name)

    paths = [queries.folder() / f"{name}.sql" for name in queries.names()]
    assert capsys.readouterr().out == "".join(path.read_text() for path in paths)


def test_show_by_another_name(capsys: pytest.CaptureFixture[str]) -> None:
    """The method's name and the file's path are the query's name too."""
    sql.show("messages.recent")
    sql.show("sql/messages/recent.sql")

    assert capsys.readouterr().out == queries.load("messages/recent").text * 2


async def test_show_filled_in(
    capsys: pytest.CaptureFixture[str], database: Database, message: Message, psql: Callable[[str], str]
) -> None:
    """With values the text runs in psql as it is, whatever the values are."""
    values = {"message_thread_id": 0, "telegram_message_id": 0, "reply_to_id": 0, "sent_at": "infinity", "role": "user"}
    values |= {"chat_id": message.chat_id, "user_id": message.user_id, "telegram_chat_id": 0, "content": WORDS}
    values |= {"delivery": "", "bot_id": 0, "update_id": 0, "claimed_by": ""}

    sql.show("messages/add", param=[f"{name}={value}" for name, value in values.items()])
    psql(capsys.readouterr().out)

    newest, _ = await database.messages.recent_in_chat(chat_id=message.chat_id)
    assert newest.content == WORDS
    assert newest.sent_at == newest.created_at


@pytest.mark.parametrize(
    ("name", "param", "field", "said"),
    [
        ("messages/recnt", [], "messages/recnt", "no such query; did you mean messages/recent?"),
        ("../../etc/passwd", [], "../../etc/passwd", "no such query"),
        ("messages/get", ["chat_di=1"], "chat_di", "messages/get has no such parameter; did you mean chat_id?"),
        ("messages/recent", ["chat_id=1", "user_id=1", "page_size=1"], "message_thread_id, before_id", "missing"),
        ("messages/get", ["chat_id"], "-p", "takes name=value, not 'chat_id'"),
        ("messages/get", ["chat_id=1", "message_id=one"], "message_id", "must be a whole number"),
        ("messages/get", ["chat_id=1", "message_id=9223372036854775808"], "message_id", "does not fit into 64 bits"),
        ("messages/get", ["chat_id=1", f"message_id={'9' * 5000}"], "message_id", "must be a whole number"),
        ("users/page", ["after_id=0", "page_size=1001"], "page_size", "must be 1..1000, not 1001"),
    ],
)
def test_show_with_wrong_words(name: str, param: list[str], field: str, said: str) -> None:
    """A wrong name has the nearest one said, a missing or wrong value its parameter."""
    with pytest.raises(InvalidInput) as refused:
        sql.show(name, param=param)

    assert refused.value.field == field
    assert refused.value.reason.startswith(said)


async def test_run_in_two_forms_at_once(message: Message) -> None:
    """Two forms of output are a mistake, not a choice."""
    with pytest.raises(InvalidInput, match="take one"):
        await sql.run("messages/get", param=get(message), json=True, csv=True)


async def test_run_as_json_and_csv(capsys: pytest.CaptureFixture[str], message: Message) -> None:
    """Every column and value of the row: a JSON array of objects, or CSV under a line of names."""
    await sql.run("messages/get", param=get(message), json=True)
    [row] = json.loads(capsys.readouterr().out)
    await sql.run("messages/get", param=get(message), csv=True)
    names, values = csv.reader(StringIO(capsys.readouterr().out))

    expected = {name: getattr(message, name) for name in Message.__slots__}
    texts = {name: at.isoformat() for name, at in expected.items() if isinstance(at, datetime)}
    assert row == expected | texts
    assert (names, values) == (list(row), ["" if value is None else str(value) for value in row.values()])


@pytest.mark.usefixtures("database_url")
async def test_run_without_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """No row is an empty array, or a line of names alone, and no failure."""
    nothing = ["chat_id=1", "message_id=1"]

    await sql.run("messages/get", param=nothing, json=True)
    await sql.run("messages/get", param=nothing, csv=True)
    await sql.run("messages/get", param=nothing)

    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == ["[]", ",".join(Message.__slots__)]
    assert err == "(0 rows)\n"


async def test_run_of_a_query_that_writes(capsys: pytest.CaptureFixture[str], database: Database, user: User) -> None:
    """Only --write lets a query change rows, and then it is committed."""
    param = [f"user_id={user.id}"]

    with pytest.raises(InvalidInput, match="writes or locks rows: add --write"):
        await sql.run("users/delete", param=param)
    refused = await database.users.get(user_id=user.id)
    await sql.run("users/delete", param=param, write=True, csv=True)

    assert refused == user
    assert await database.users.get(user_id=user.id) is None
    assert capsys.readouterr().out == f"id\n{user.id}\n"


@pytest.mark.parametrize(
    ("sent_at", "stored"),
    [
        ("2026-01-01T12:00:00Z", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01 14:00:00+02", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("infinity", None),
        ("2026-01-01T12:00:00", "refused"),
        ("yesterday", "refused"),
    ],
)
async def test_run_with_a_time(database: Database, message: Message, sent_at: str, stored: Any) -> None:
    """A time has its zone or is sql/'s infinity, which is now; all else is refused by the field's name."""
    values = {"message_thread_id": 0, "telegram_message_id": 0, "reply_to_id": 0, "role": "user", "content": "x"}
    values |= {"chat_id": message.chat_id, "user_id": message.user_id, "telegram_chat_id": 0, "sent_at": sent_at}
    values |= {"delivery": "", "bot_id": 0, "update_id": 0, "claimed_by": ""}
    param = [f"{name}={value}" for name, value in values.items()]

    if stored == "refused":
        with pytest.raises(InvalidInput, match="sent_at: must be a time with its zone"):
            await sql.run("messages/add", param=param, write=True)
    else:
        await sql.run("messages/add", param=param, write=True)

    newest, *_ = await database.messages.recent_in_chat(chat_id=message.chat_id)
    assert newest.sent_at == {"refused": message.sent_at, None: newest.created_at}.get(stored, stored)


@pytest.mark.parametrize("columns", [80, 320])
async def test_run_in_a_terminal(database: Database, environment: dict[str, str], tmp_path: Path, columns: int) -> None:
    """A wide terminal shows a table, a narrow one a line for each value; neither obeys what somebody wrote."""
    hostile = (await said(database, content=HOSTILE)).message
    options = [option for each in get(hostile) for option in ("-p", each)]

    shown, code = pexpect.run(
        shlex.join([sys.executable, "-m", "botcli", "sql", "run", "messages/get", *options]),
        withexitstatus=True,
        env={**environment, "NO_COLOR": "1", "TERM": "xterm"},
        dimensions=(24, columns),
        cwd=tmp_path,
        encoding="utf-8",
    )

    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert code == 0
    assert max(map(len, lines)) <= columns
    assert "\\x1b[2Jcleared\\x1b]0;renamed\\x07 [red]coloured[/red]" in shown
    assert "\x1b[2J" not in shown
    assert "(1 row)" in shown
    assert (len(lines) > len(Message.__slots__)) == (columns == 80)


async def test_explain(capsys: pytest.CaptureFixture[str], message: Message) -> None:
    """The plan as lines, as JSON, and for no values in particular."""
    await sql.explain("messages/get", param=get(message))
    lines = capsys.readouterr().out
    await sql.explain("messages/get", param=get(message), json=True)
    document = json.loads(capsys.readouterr().out)

    assert "actual time" not in lines
    assert document[0]["Plan"]["Node Type"]


@pytest.mark.usefixtures("database_url")
async def test_explain_generic(capsys: pytest.CaptureFixture[str], database_url: str) -> None:
    """The plan for any values needs none; PostgreSQL 15 cannot show it."""
    with psycopg.connect(database_url) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("GENERIC_PLAN came with PostgreSQL 16")

    await sql.explain("messages/get", generic=True)

    assert "$1" in capsys.readouterr().out


async def test_explain_analyze_of_a_query_that_writes(
    capsys: pytest.CaptureFixture[str], database: Database, user: User
) -> None:
    """--analyze runs the query and takes back what it did."""
    await sql.explain("users/delete", param=[f"user_id={user.id}"], analyze=True)

    assert "actual time" in capsys.readouterr().out
    assert await database.users.get(user_id=user.id) == user


async def test_run_with_debug_log(start: Start, message: Message) -> None:
    """LOG_LEVEL=DEBUG names each query with its duration, and no value."""
    options = [option for each in get(message) for option in ("-p", each)]

    process = await start("sql", "run", "messages/get", *options, "--json", LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    _, err = await process.communicate()

    [line] = [json.loads(line) for line in err.decode().splitlines() if "botcore.queries" in line]
    assert line["query"] == "messages/get"
    assert 0 < line["milliseconds"] < 10_000
    assert "SELECT" not in err.decode()


async def test_run_with_log_sql(start: Start, message: Message, psql: Callable[[str], str]) -> None:
    """LOG_SQL=true prints the query as psql takes it: pasted, it gives the same row."""
    options = [option for each in get(message) for option in ("-p", each)]

    process = await start("sql", "run", "messages/get", *options, "--json", LOG_SQL="true")
    _, err = await process.communicate()

    [row] = csv.DictReader(StringIO(psql(err.decode())))
    assert (row["id"], row["content"]) == (str(message.id), WORDS)
