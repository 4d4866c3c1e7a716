"""`botcli doctor`: what it finds, what it says to do, and that it works without a token, a server or both."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiogram import Bot

from botcli.bot import update_types
from botcli.cli import db
from botcli.cli.doctor import doctor
from botcli.serving import introduce
from botcli.webhook import Endpoint
from botcore import migrations, queries
from tests.botcli.bot_api import TOKEN, BotApi, refused
from tests.botcli.conftest import Start

URL = "https://bot.example.org/canary-path"
Examined = Callable[[], Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
def environ(settings: None, monkeypatch: pytest.MonkeyPatch, bot_api: BotApi) -> pytest.MonkeyPatch:  # noqa: ARG001
    """What the command reads when it is called here."""
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_API_URL", bot_api.url)
    return monkeypatch


@pytest.fixture
def examined(environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examined:  # noqa: ARG001
    """The exit code, and of each thing that was looked at the last finding."""

    async def examined() -> tuple[int, dict[str, Any]]:
        code = await doctor(json=True)
        out = capsys.readouterr().out
        assert "canary" not in out
        return code, {finding["name"]: finding for finding in json.loads(out)}

    return examined


@pytest.fixture
def embedded_dir(environ: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for an embedded server, which a server's own user reaches too; no DATABASE_URL."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-"))
    folder.chmod(0o711)
    environ.delenv("DATABASE_URL")
    environ.setenv("BOTCORE_DATA_DIR", str(folder))
    yield folder
    db.stop()
    shutil.rmtree(folder)


async def test_doctor(start: Start, bot_api: BotApi) -> None:
    """All is well: a line each, its state first, nothing on stderr, and no secret."""
    process = await start("doctor")
    out, err = await process.communicate()

    lines = dict(line.split("\t")[::-1] for line in out.decode().splitlines())
    # the folder is the environment's, for other tests
    spare = "settings: BOTCORE_DATA_DIR is set beside DATABASE_URL - the embedded server is not used; unset one of them"
    assert lines.pop(spare) == "warning"
    assert set(lines.values()) == {"ok"}
    assert f"sql: {len(queries.names())} files" in lines
    assert "token: @our_bot, 42" in lines
    assert "webhook: updates are polled, 0 wait" in lines
    assert (process.returncode, err) == (0, b"")
    assert TOKEN.partition(":")[2].encode() not in out
    assert [name for name, _ in bot_api.calls] == ["getMe", "getWebhookInfo"]


def test_doctor_is_imported_without_a_bot() -> None:
    """The extras need not be installed for it, and it waits for none of them: the bot's takes seconds."""
    program = "import sys, botcli.cli.doctor, botcli.replies; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout

    assert {"aiogram", "aiohttp", "babel", "openai"} & set(loaded.split()) == set()


@pytest.mark.usefixtures("database_url")
async def test_doctor_without_a_token(examined: Examined, environ: pytest.MonkeyPatch) -> None:
    """The library needs none, so that fails nothing."""
    environ.delenv("BOT_TOKEN")

    code, findings = await examined()

    assert (code, findings["token"]["state"], findings["schema"]["state"]) == (0, "warning", "ok")
    assert "BOT_TOKEN is not set" in findings["token"]["found"]


async def test_doctor_without_a_server(examined: Examined) -> None:
    """The cause is named, and what can be looked at without it is."""
    code, findings = await examined()

    assert (code, findings["database"]["state"], findings["token"]["state"]) == (1, "failed", "ok")
    assert findings["database"]["found"].endswith("nothing listens there; is the server running?")
    assert findings["database"]["to_do"] == "mend DATABASE_URL, or the server"


@pytest.mark.usefixtures("embedded_dir")
async def test_doctor_with_the_embedded_server(examined: Examined) -> None:
    """It is started, and migrated as for any other command."""
    code, findings = await examined()

    assert (code, findings["schema"]["state"]) == (0, "ok")
    assert findings["server"]["found"].endswith(", the embedded server")


async def test_doctor_of_another_schema(examined: Examined, connection: psycopg.Connection[Any]) -> None:
    """One that is behind fails with the command that helps; the next release's is a warning."""
    connection.execute("UPDATE alembic_version SET version_num = '0001'")
    code, findings = await examined()
    assert (code, findings["schema"]["state"]) == (1, "failed")
    behind = f"the database is at migration 0001, behind {migrations.head()}: run `botcli db upgrade`"
    assert findings["schema"]["found"] == behind

    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    code, findings = await examined()
    assert (code, findings["schema"]["state"]) == (0, "warning")


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("changes", "state", "found"),
    [
        ({"WEBHOOK_URL": URL}, "failed", "WEBHOOK_SECRET: is not set; without it anybody could post updates"),
        ({"WEBHOOK_URL": "http://canary", "WEBHOOK_SECRET": "x"}, "failed", "WEBHOOK_URL: must look like"),
        ({"WEBHOOK_URL": URL, "WEBHOOK_SECRET": "canary!"}, "failed", "WEBHOOK_SECRET: must be 1 to 256"),
        ({"WEBHOOK_SECRET": "canary"}, "warning", "WEBHOOK_SECRET is set without WEBHOOK_URL"),
        ({"HTTP_HOST": "0.0.0.0"}, "warning", "HTTP_HOST is set without PORT"),
        ({"BOTCORE_DATA_DIR": "/x"}, "warning", "BOTCORE_DATA_DIR is set beside DATABASE_URL"),
        ({"GRACE_SECONDS": "60"}, "warning", "GRACE_SECONDS is 60"),
        ({"LOG_SQL": "true"}, "warning", "LOG_SQL is on"),
        ({"LLM_API_KEY": "canary"}, "failed", "LLM_MODEL: is not set"),
        (
            {"LLM_API_KEY": "canary", "LLM_MODEL": "x", "LLM_SYSTEM_PROMPT_FILE": __file__, "WINDOW_CHARACTERS": "90"},
            "failed",
            "LLM_SYSTEM_PROMPT_FILE: has",
        ),
        ({"PORT": "canary"}, "failed", "PORT: Input should be a valid integer"),
        ({"BOT_TOKEN": "canary"}, "ok", "they fit together"),
    ],
)
async def test_doctor_of_settings(
    examined: Examined, environ: pytest.MonkeyPatch, changes: dict[str, str], state: str, found: str
) -> None:
    """What does not fit together is named, with what to do; no value is shown."""
    for name, value in changes.items():
        environ.setenv(name, value)

    code, findings = await examined()

    assert findings["settings"]["state"] == state
    assert findings["settings"]["found"].startswith(found)
    assert (findings["settings"]["to_do"] is None) == (state == "ok")
    assert state != "failed" or code == 1


async def test_doctor_of_an_unencrypted_api(environ: pytest.MonkeyPatch, examined: Examined) -> None:
    """A Bot API server elsewhere by http gets the token in the clear."""
    environ.setenv("TELEGRAM_API_URL", "http://no-such-host.invalid")
    environ.delenv("BOT_TOKEN")

    assert (await examined())[1]["settings"]["found"] == "TELEGRAM_API_URL is http"


@pytest.mark.usefixtures("database_url")
async def test_doctor_of_a_refused_token(examined: Examined, bot_api: BotApi) -> None:
    """A token that Telegram refuses fails, and is not shown."""
    bot_api.fail("getMe", refused(401, f"Unauthorized {TOKEN}"))

    code, findings = await examined()

    assert (code, findings["token"]["state"]) == (1, "failed")
    assert findings["token"]["found"].endswith("refuses it: it is wrong or was revoked")


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("ours", "theirs", "state", "found"),
    [
        (URL, URL, "ok", "updates are posted, 1 wait"),
        (URL, None, "warning", "Telegram posts no updates"),
        (URL, "https://canary.example.org", "warning", "Telegram posts updates elsewhere than to WEBHOOK_URL"),
        (None, URL, "failed", "Telegram posts updates to a webhook, so nobody can poll"),
    ],
)
async def test_doctor_of_the_webhook(
    examined: Examined,
    environ: pytest.MonkeyPatch,
    bot_api: BotApi,
    ours: str | None,
    theirs: str | None,
    state: str,
    found: str,
) -> None:
    """Where Telegram posts is held against WEBHOOK_URL, and neither is shown."""
    bot_api.webhook = {"url": theirs} if theirs else {}
    bot_api.deliver(message={})
    if ours:
        environ.setenv("WEBHOOK_URL", ours)
        environ.setenv("WEBHOOK_SECRET", "x")

    _, findings = await examined()

    assert (findings["webhook"]["state"], findings["webhook"]["found"]) == (state, found)


@pytest.mark.usefixtures("database_url")
async def test_doctor_of_failing_posts(examined: Examined, environ: pytest.MonkeyPatch, bot_api: BotApi) -> None:
    """What Telegram met when it posted is passed on."""
    environ.setenv("WEBHOOK_URL", URL)
    environ.setenv("WEBHOOK_SECRET", "x")
    bot_api.webhook = {"url": URL}
    bot_api.webhook_failure = {"last_error_message": "Wrong response: 502", "last_error_date": 1_767_268_800}

    _, findings = await examined()

    assert findings["webhook"]["found"] == "Telegram met: Wrong response: 502"


@pytest.mark.usefixtures("database_url")
async def test_doctor_of_a_webhook_of_few_kinds(
    examined: Examined, environ: pytest.MonkeyPatch, bot_api: BotApi, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook that was set by hand or by an older release lacks kinds of update, which is said at the start, too."""
    environ.setenv("WEBHOOK_URL", URL)
    environ.setenv("WEBHOOK_SECRET", "x")
    kinds = [kind for kind in update_types() if kind not in {"message", "callback_query"}]
    bot_api.webhook = {"url": URL, "allowed_updates": json.dumps([*kinds, "poll"])}

    code, findings = await examined()
    await introduce(bot, Endpoint(URL, "/", "x"))
    bot_api.webhook["allowed_updates"] = json.dumps(update_types())
    await introduce(bot, Endpoint(URL, "/", "x"))

    found = "Telegram posts not every kind of update: callback_query, message missing"
    assert (code, findings["webhook"]["found"]) == (0, found)
    assert [getattr(record, "kinds", None) for record in caplog.records] == ["callback_query, message"]
