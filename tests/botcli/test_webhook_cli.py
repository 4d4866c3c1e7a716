"""`botcli webhook`, against our own Bot API server; and what the settings of the webhook must be."""

import json

import pytest

from botcli import webhook
from botcli.bot import update_types
from botcli.cli import webhook as commands
from botcli.settings import BotSettings
from botcore import BotcoreError, InvalidInput
from tests.botcli.bot_api import TOKEN, BotApi, broken, refused
from tests.botcli.conftest import Start

URL = "https://bot.example.org/canary-path"
SECRET = "canary_secret-1"  # noqa: S105 - a canary
SET = {"WEBHOOK_URL": URL, "WEBHOOK_SECRET": SECRET}


@pytest.fixture
def database_url() -> str:
    """The commands need no database."""
    return ""


@pytest.fixture
def environ(settings: None, bot_api: BotApi, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:  # noqa: ARG001
    """What the commands read when they are called here."""
    for name, value in {"BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": bot_api.url, **SET}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_set(start: Start, bot_api: BotApi) -> None:
    """Telegram is told the URL, the secret and what the bot does something with; the secret is not shown."""
    process = await start("webhook", "set", "--max-connections", "7", LOG_LEVEL="DEBUG", **SET)
    output, log = await process.communicate()

    assert (process.returncode, output) == (0, b"")
    assert b"Telegram posts updates to bot.example.org/canary-path\n" in log
    assert SECRET.encode() not in log
    [call] = bot_api.called("setWebhook")
    assert (call["url"], call["secret_token"], call["max_connections"]) == (URL, SECRET, "7")
    assert json.loads(call["allowed_updates"]) == update_types()
    assert {"message", "edited_message", "deleted_business_messages"} < set(update_types())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WEBHOOK_URL", "WEBHOOK_URL: is not set; it is the https URL where Telegram posts updates"),
        ("WEBHOOK_SECRET", "WEBHOOK_SECRET: is not set; without it anybody could post updates"),
        ("BOT_TOKEN", "BOT_TOKEN: is not set; @BotFather on Telegram gives one"),
    ],
)
async def test_set_without(environ: pytest.MonkeyPatch, bot_api: BotApi, name: str, says: str) -> None:
    """What is missing is named."""
    environ.delenv(name)

    with pytest.raises(InvalidInput) as refusal:
        await commands.set()

    assert str(refusal.value) == says
    assert bot_api.calls == []


@pytest.mark.parametrize(
    ("status", "description", "says"),
    [
        (400, f"Bad Request: bad webhook: no HTTPS URL {TOKEN}", "{}: Bad Request: bad webhook: no HTTPS URL 42:***"),
        (401, "Unauthorized", "BOT_TOKEN: {} refuses it: it is wrong or was revoked"),
    ],
)
@pytest.mark.usefixtures("environ")
async def test_set_refused(bot_api: BotApi, status: int, description: str, says: str) -> None:
    """What Telegram says of the URL is passed on, without a token that it quotes."""
    bot_api.fail("setWebhook", refused(status, description))

    with pytest.raises(BotcoreError) as refusal:
        await commands.set()

    assert str(refusal.value) == says.format(bot_api.url.removeprefix("http://"))


@pytest.mark.usefixtures("environ")
async def test_set_through_a_fault(bot_api: BotApi) -> None:
    """A fault in between is tried through."""
    bot_api.fail("setWebhook", broken("<p>bad gateway</p>"))

    await commands.set()

    assert len(bot_api.called("setWebhook")) == 2


@pytest.mark.usefixtures("environ")
async def test_delete(bot_api: BotApi, capsys: pytest.CaptureFixture[str]) -> None:
    """The webhook goes, what waits stays."""
    bot_api.webhook = {"url": URL}
    bot_api.deliver(message={})

    await commands.delete()

    assert capsys.readouterr() == ("", "Telegram posts no updates\n")
    assert bot_api.webhook == {}
    assert len(bot_api.updates) == 1


@pytest.mark.usefixtures("environ")
async def test_delete_with_what_waits(bot_api: BotApi) -> None:
    """Updates are dropped only with a yes, which a script gives by an option."""
    bot_api.deliver(message={})

    with pytest.raises(InvalidInput, match="since the updates that wait are lost; see what that is by `botcli webhook"):
        await commands.delete(drop_pending=True)
    assert bot_api.calls == []

    await commands.delete(drop_pending=True, yes=True)
    assert bot_api.updates == []


@pytest.mark.usefixtures("environ")
async def test_info(bot_api: BotApi, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Telegram posts, without what a URL can hide, how many updates wait, and the last error with its date."""
    url = "https://user:canary@bot.example.org/telegram?key=canary"
    bot_api.webhook = {"url": url, "allowed_updates": '["message"]'}
    bot_api.webhook_failure = {"last_error_message": "Wrong response: 502", "last_error_date": 1_767_268_800}
    bot_api.deliver(message={})

    await commands.info()
    assert capsys.readouterr().out.splitlines() == [
        "url\tbot.example.org/telegram",
        "pending_updates\t1",
        "last_error\tWrong response: 502",
        "last_error_at\t2026-01-01T12:00:00+00:00",
        "max_connections\t",
        "allowed_updates\tmessage",
    ]

    await commands.info(json=True)
    assert json.loads(capsys.readouterr().out) == {
        "url": "bot.example.org/telegram",
        "pending_updates": 1,
        "last_error": "Wrong response: 502",
        "last_error_at": "2026-01-01T12:00:00+00:00",
        "max_connections": None,
        "allowed_updates": ["message"],
    }


@pytest.mark.usefixtures("environ")
async def test_info_of_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a webhook there is no URL."""
    await commands.info(json=True)

    assert json.loads(capsys.readouterr().out)["url"] is None


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://bot.example.org", "/"),
        ("https://bot.example.org/", "/"),
        ("https://bot.example.org:8443/a/b-c%20d", "/a/b-c%20d"),
        ("https://[2001:db8::1]/x", "/x"),
    ],
)
def test_endpoint(url: str, path: str) -> None:
    """The path is where Telegram posts; the repr keeps the secret."""
    found = webhook.endpoint(BotSettings(webhook_url=url, webhook_secret=SECRET, _env_file=None))

    assert (found.url, found.path, found.secret) == (url, path, SECRET)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "http://canary.example.org/x",
        "canary.example.org/x",
        "https://",
        "https:///canary",
        "https://canary/{x}",
        "https://canary/x y",
        "https://canary/x\n",
        "https://canary/x?y=1",
        "https://canary/x#y",
        "https://canary/ü",
        "https://canary:x/",
        "https://[canary/",
    ],
)
def test_endpoint_of_a_malformed_url(url: str) -> None:
    """What Telegram could not post to is refused by the variable's name, and not shown."""
    with pytest.raises(InvalidInput, match=r"^WEBHOOK_URL: must look like") as refusal:
        webhook.endpoint(BotSettings(webhook_url=url, webhook_secret=SECRET, _env_file=None))

    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("secret", ["", "canary secret", "canary\n", "canaryü", "canary!", "c" * 257])
def test_endpoint_with_a_malformed_secret(secret: str) -> None:
    """A secret that Telegram would not take is refused, and not shown."""
    with pytest.raises(InvalidInput, match=r"^WEBHOOK_SECRET: must be 1 to 256") as refusal:
        webhook.endpoint(BotSettings(webhook_url=URL, webhook_secret=secret, _env_file=None))

    assert "canary" not in str(refusal.value)
