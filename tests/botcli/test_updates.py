"""`botcli updates`: what was set aside is listed, shown, tried again or given up from the command line."""

import json
import sys
from typing import Any

import pexpect
import psycopg
import pytest

from botcli.cli import updates
from botcore import Database, InvalidInput, NotFound
from tests.botcli.bot_api import BOT_ID, TOKEN
from tests.botcli.conftest import Start
from tests.factories import update

pytestmark = pytest.mark.usefixtures("settings")

Captured = pytest.CaptureFixture[str]

CANARY = "canary\x1b]0;title\x07 \x7f \x9b2J \ud800 \u00fc"


@pytest.fixture
async def stored(database: Database) -> None:
    """Of four updates two were set aside, one is in work and one waits behind it; another bot has one set aside."""
    given = [update(number, chat=number, text=CANARY) for number in (1, 2, 3)]
    await database.updates.add(bot_id=BOT_ID, updates=[*given, update(4, chat=3)], worker="a", capacity=3)
    await database.updates.add(bot_id=BOT_ID + 1, updates=[update(2)], worker="a", capacity=1)
    for bot_id, number in ((BOT_ID, 1), (BOT_ID, 2), (BOT_ID + 1, 2)):
        key: dict[str, Any] = {"bot_id": bot_id, "update_id": number, "worker": "a"}
        await database.updates.fail(**key, error="builtins.ValueError", sqlstate="22003", max_failures=1)


async def states(database: Database, bot_id: int = BOT_ID) -> list[str]:
    """The states of the bot's updates 1 to 4, as far as they are there."""
    found = [await database.updates.get(bot_id=bot_id, update_id=number) for number in (1, 2, 3, 4)]
    return [each.state for each in found if each]


def heard(connection: psycopg.Connection) -> list[str]:
    """The bots whose workers were woken since `LISTEN`."""
    return [notify.payload for notify in connection.notifies(timeout=1, stop_after=1)]


@pytest.mark.usefixtures("stored")
async def test_list_of_all_bots(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set aside is there with its error, page after page, and nothing that somebody wrote."""
    monkeypatch.setattr(updates, "_PAGE", 1)

    await updates.list_(json=True)

    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [(each["bot_id"], each["update_id"]) for each in found] == [(BOT_ID, 1), (BOT_ID, 2), (BOT_ID + 1, 2)]
    first = {
        "telegram_chat_id": 1,
        "state": "failed",
        "attempts": 1,
        "error": "builtins.ValueError",
        "sqlstate": "22003",
    }
    assert found[0].items() >= first.items()
    assert ("payload" in found[0], "canary" in out, err) == (False, False, "")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("state", "numbers"), [("failed", ["1", "2", "2"]), ("running", ["3"]), ("pending", ["4"])])
async def test_list_by_state(capsys: Captured, state: Any, numbers: list[str]) -> None:
    """Off a terminal it is a table, however wide, with the number in its second column."""
    await updates.list_(state=state)

    out, err = capsys.readouterr()
    heading, _, *lines = out.splitlines()
    names = ["bot", "update", "chat", "state", "attempts", "failures", "error", "sqlstate", "received", "due"]
    assert heading.split() == names
    assert [line.split()[1] for line in lines] == numbers
    assert err == f"({len(numbers)} row{'s' * (len(numbers) > 1)})\n"


@pytest.mark.usefixtures("database_url")
async def test_list_of_nothing(capsys: Captured) -> None:
    """That there is none is talk; JSON is an empty list all the same."""
    await updates.list_()
    table = capsys.readouterr()
    await updates.list_(json=True)
    printed = capsys.readouterr()

    assert (table.out, table.err) == ("", "no update is failed\n")
    assert (printed.out, printed.err) == ("[]\n", "no update is failed\n")


@pytest.mark.usefixtures("stored")
async def test_show_of_the_bot_of_the_token(start: Start) -> None:
    """Each field is a line, the payload indented JSON after them, in which nothing commands a terminal."""
    process = await start("updates", "show", "1", PYTHONIOENCODING="utf-8")
    out, err = await process.communicate()

    fields, brace, payload = out.decode().partition("{\n")
    assert (process.returncode, err) == (0, b"")
    assert dict(line.split("\t") for line in fields.splitlines())["error"] == "builtins.ValueError"
    assert json.loads(brace + payload) == update(1, chat=1, text=CANARY)
    assert "\n    " in payload
    assert "\u00fc" in payload
    assert not set(out.decode()) & set("\x07\x1b\x7f\x9b")


@pytest.mark.usefixtures("stored")
async def test_show_as_json(capsys: Captured) -> None:
    """One document has all fields, and the payload as it came."""
    await updates.show(1, bot=BOT_ID, json=True)

    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["payload"] == update(1, chat=1, text=CANARY)
    assert (found["state"], found["sqlstate"], found["finished_at"]) == ("failed", "22003", None)
    assert not set(out) & set("\x07\x1b\x7f\x9b\ud800")


async def test_show_of_a_done_one(database: Database, capsys: Captured) -> None:
    """Nothing is left of its payload, which stderr says."""
    await database.updates.add(bot_id=BOT_ID, updates=[update(1)])
    await database.updates.drop(bot_id=BOT_ID, update_id=1)

    await updates.show(1, bot=BOT_ID)

    out, err = capsys.readouterr()
    assert "state\tdone\n" in out
    assert err == "nothing is left of its payload\n"


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("form", [True, False])
async def test_show_of_a_deep_payload(connection: psycopg.Connection, capsys: Captured, *, form: bool) -> None:
    """What is nested too deeply to be indented is shown as it is stored."""
    deep = '{"update_id":1,"x":' + "[" * 2_000 + "]" * 2_000 + "}"
    connection.execute("UPDATE updates SET payload = %s WHERE update_id = 1", [deep])

    await updates.show(1, bot=BOT_ID, json=form)

    shown = "".join(capsys.readouterr().out.split())
    assert deep in shown.replace('\\"', '"')


@pytest.mark.usefixtures("stored")
async def test_show_of_an_unknown_one(start: Start) -> None:
    """It is not found, with exit code 3, be its number another bot's."""
    process = await start("updates", "show", "1", "--bot", str(BOT_ID + 1))
    out, err = await process.communicate()

    assert (process.returncode, out) == (3, b"")
    assert err == f"botcli: no update with bot_id={BOT_ID + 1}, update_id=1\n".encode()


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "token", [None, "", "canary", ":canary", "-5:canary", "\u0661:canary", f"{'9' * 5_000}:canary"]
)
async def test_show_of_no_bot(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    """Without a bot's token --bot is needed, and no token is told."""
    monkeypatch.delenv("BOT_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("BOT_TOKEN", token)

    with pytest.raises(InvalidInput, match=r"^--bot: is needed") as refused:
        await updates.show(1)

    assert "canary" not in str(refused.value)


@pytest.mark.usefixtures("stored")
async def test_retry_wakes_the_bot(start: Start, database: Database, connection: psycopg.Connection) -> None:
    """Those that were set aside wait again, once, and whoever works for the bot hears of it."""
    connection.execute("LISTEN botcore_updates")

    process = await start("updates", "retry", "1", "2", "1")
    out, err = await process.communicate()

    assert (process.returncode, out, err) == (0, b"retried\t2\n", b"")
    assert await states(database) == ["pending", "pending", "running", "pending"]
    assert heard(connection) == [str(BOT_ID)]


@pytest.mark.usefixtures("stored")
async def test_retry_of_one_that_was_not_set_aside(start: Start, database: Database) -> None:
    """It is named, with exit code 3; the others are retried all the same."""
    process = await start("updates", "retry", "9", "1", "3")
    out, err = await process.communicate()

    assert (process.returncode, out) == (3, b"retried\t1\n")
    assert err == f"botcli: no update that was set aside with bot_id={BOT_ID}, update_id=3, 9\n".encode()
    assert await states(database) == ["pending", "failed", "running", "pending"]


@pytest.mark.usefixtures("stored")
async def test_retry_all(
    database: Database, capsys: Captured, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the token's bot go back, none of another one; there may be none left."""
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    monkeypatch.setattr(updates, "_PAGE", 1)
    connection.execute("LISTEN botcore_updates")

    for _ in range(2):
        await updates.retry(all_=True)

    assert capsys.readouterr().out == "retried\t2\nretried\t0\n"
    assert await states(database) == ["pending", "pending", "running", "pending"]
    assert await states(database, BOT_ID + 1) == ["failed"]
    assert set(heard(connection)) == {str(BOT_ID)}


@pytest.mark.parametrize(("numbers", "all_"), [((), False), ((1,), True)])
async def test_retry_of_what(numbers: tuple[int, ...], *, all_: bool) -> None:
    """Numbers or --all: one of the two."""
    with pytest.raises(InvalidInput, match=r"^UPDATE_ID: or --all"):
        await updates.retry(*numbers, all_=all_, bot=BOT_ID)


@pytest.mark.usefixtures("stored")
async def test_drop_off_a_terminal_wants_yes(start: Start, database: Database, connection: psycopg.Connection) -> None:
    """Without --yes nothing is given up, with exit code 2; with it what waits or was set aside is done."""
    refused = await start("updates", "drop", "1", "4")
    _, err = await refused.communicate(b"y\n")
    unchanged = await states(database)
    connection.execute("LISTEN botcore_updates")
    process = await start("updates", "drop", "1", "4", "--yes")
    out, _ = await process.communicate()

    assert (refused.returncode, b"--yes" in err, unchanged) == (2, True, ["failed", "failed", "running", "pending"])
    assert (process.returncode, out) == (0, b"dropped\t2\n")
    assert await states(database) == ["done", "failed", "running", "done"]
    assert heard(connection) == [str(BOT_ID)]


@pytest.mark.usefixtures("stored")
async def test_drop_dry_run(database: Database, capsys: Captured) -> None:
    """It counts what the same command then drops, names what is in work, done or unknown, and changes nothing."""
    numbers = (1, 2, 3, 4, 9)

    with pytest.raises(NotFound, match=r"update_id=3, 9$"):
        await updates.drop(*numbers, bot=BOT_ID, dry_run=True)
    unchanged = await states(database)
    with pytest.raises(NotFound, match=r"update_id=3, 9$"):
        await updates.drop(*numbers, bot=BOT_ID, yes=True)
    with pytest.raises(NotFound, match=r"update_id=1$"):
        await updates.drop(1, bot=BOT_ID, dry_run=True)

    assert capsys.readouterr().out == "dropped\t3\ndropped\t3\ndropped\t0\n"
    assert unchanged == ["failed", "failed", "running", "pending"]
    assert await states(database) == ["done", "done", "running", "done"]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("answer", "code", "state"), [("n", 1, "failed"), ("y", 0, "done")])
async def test_drop_in_a_terminal_asks(
    database: Database, environment: dict[str, str], answer: str, code: int, state: str
) -> None:
    """It names the updates; a no leaves everything as it is, with exit code 1."""
    terminal = pexpect.spawn(
        sys.executable, ["-m", "botcli", "updates", "drop", "1", "2"], env=environment, encoding="utf-8", timeout=30
    )
    terminal.expect(r"\(1, 2\) goes for good, unanswered. Go on\?")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == code
    assert await states(database) == [state, state, "running", "pending"]


async def test_drop_of_what() -> None:
    """Giving up all there is takes their numbers."""
    with pytest.raises(InvalidInput, match=r"^UPDATE_ID: is needed"):
        await updates.drop(bot=BOT_ID, yes=True)
