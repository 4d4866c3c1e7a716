"""Which model answers, by the environment; and `botcli run` and `botcli chat` with one, as real processes."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from botcli.replies.echo import Echo
from botcli.replies.opening import open_replier
from botcli.settings import BotSettings
from botcore import Database, InvalidInput
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Start, stored
from tests.botcli.model_server import KEY, MODEL, ModelServer, fails, stalls
from tests.botcli.updates import message


def settings(**values: Any) -> BotSettings:
    """The settings of these variables, and of nothing else."""
    return BotSettings(_env_file=None, **values)


@pytest.fixture(autouse=True)
def _without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_BASE_URL", "LLM_API_KEY", "LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)


async def test_open_replier_without_a_model() -> None:
    """Without key and URL the echo answers, with the window of the settings."""
    async with open_replier(settings(window_messages=3, window_characters=500)) as (replier, windows):
        assert isinstance(replier, Echo)
        assert (windows.max_messages, windows.characters()) == (3, 500)


async def test_open_replier_with_a_prompt(tmp_path: Path) -> None:
    """The prompt takes its room from the window, and the connections are closed at the end."""
    (tmp_path / "prompt").write_text("\ufeffBe brief.\n", encoding="utf-8")

    async with open_replier(settings(llm_api_key=KEY, llm_model=MODEL, llm_system_prompt_file=tmp_path / "prompt")) as (
        model,
        windows,
    ):
        client = model._client  # type: ignore[attr-defined]
        assert str(client.base_url) == "https://api.openai.com/v1/"
        assert windows.characters() == 16_000 - 9
    assert client.is_closed()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"llm_api_key": KEY}, "LLM_MODEL: is not set"),
    ({"llm_base_url": "http://x/v1"}, "LLM_MODEL: is not set"),
    ({"llm_model": MODEL}, "LLM_MODEL: is set without"),
    ({"llm_daily_tokens": 9}, "LLM_DAILY_TOKENS: is set without"),
    ({"llm_api_key": f"{KEY}\n", "llm_model": MODEL}, "LLM_API_KEY: has a character"),
    ({"llm_api_key": f"{KEY}é", "llm_model": MODEL}, "LLM_API_KEY: has a character"),
    *(
        ({"llm_base_url": url, "llm_model": MODEL}, "LLM_BASE_URL: must be")
        for url in ("canary", "ftp://canary/v1", "http://:1/canary", "http://canary:x/v1", "http://[canary")
    ),
    ({"llm_api_key": KEY, "llm_model": MODEL, "llm_context_tokens": 999, "window_characters": 9}, "set beside WINDOW_"),
    ({"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "none"}, "No such file"),
    ({"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "."}, "Is a directory"),
    ({"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "blank"}, "is empty"),
    ({"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "binary"}, "is no text in UTF-8"),
    (
        {"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "long", "window_characters": 90},
        "100 characters, which leaves no room for a dialogue: raise WINDOW_CHARACTERS",
    ),
    (
        {"llm_api_key": KEY, "llm_model": MODEL, "llm_system_prompt_file": "longer", "llm_context_tokens": 256},
        "raise LLM_CONTEXT_TOKENS",
    ),
]


@pytest.mark.parametrize(("values", "complaint"), WRONG)
async def test_open_replier_with_settings_that_do_not_fit(
    values: dict[str, Any], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing, contradicts itself or cannot be read is named before anything is opened, and no secret shown."""
    monkeypatch.chdir(tmp_path)
    for name, content in {"blank": b" \n", "binary": b"\xff", "long": b"x" * 100, "longer": b"x" * 1_000}.items():
        (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidInput) as caught:
        async with open_replier(settings(**values)):
            pass

    assert complaint in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.slow
async def test_run_with_a_model(
    bot_api: BotApi, database: Database, model_server: ModelServer, start: Start, tmp_path: Path
) -> None:
    """A process answers by the model, says when it cannot, asks again, is stopped in the middle, and logs no word."""
    (tmp_path / "prompt.txt").write_text("canary instructions")
    model_server.behaves(fails(401))
    process = await start(
        "run",
        LLM_BASE_URL=model_server.url,
        LLM_API_KEY=KEY,
        LLM_MODEL=MODEL,
        LLM_SYSTEM_PROMPT_FILE="prompt.txt",
        LOG_LEVEL="DEBUG",
        GRACE_SECONDS="0.1",
        OPENAI_LOG="debug",
    )
    for number, text in enumerate(("canary words", "/retry", "/stats"), 1):
        bot_api.deliver(message=message(text))
        await bot_api.replies(number)
    model_server.behaves(stalls)
    bot_api.deliver(message=message("canary more"))
    await model_server.until_asked(3)
    process.terminate()
    _, log = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0
    sent = [each["text"] for each in bot_api.sent]
    assert sent[:2] == [
        "I cannot answer at the moment: my operator has to see to it. /retry asks again.",
        "Yes: canary words",
    ]
    assert "1 answer, 30 tokens read, 5 written" in sent[2]
    assert model_server.asked[1] == [("system", "canary instructions"), ("user", "canary words")]
    assert [m.content for m in await stored(database)] == ["canary words", "Yes: canary words", "canary more"]
    [waiting] = await database.updates.page(state="pending")
    assert waiting.failures == 0
    assert b"canary" not in log
    assert b"refuses LLM_API_KEY" in log


@pytest.mark.slow
async def test_chat_with_a_model(model_server: ModelServer, start: Start) -> None:
    """In the terminal the model answers, a failure is a line like any other, and settings without one an error."""
    model_server.behaves(fails(500))
    environment = {"LLM_BASE_URL": model_server.url, "LLM_MODEL": MODEL, "LLM_API_KEY": None}
    process = await start("chat", **environment)
    replies, log = await process.communicate(b"One\n/retry\nTwo\n")
    broken = await start("chat", **environment | {"LLM_MODEL": None})
    nothing, complaint = await broken.communicate(b"One\n")

    assert replies.decode().splitlines() == [
        "The model's server failed. /retry asks again.",
        "Yes: One",
        "Yes: Two",
    ]
    assert model_server.asked[2] == [("user", "One"), ("assistant", "Yes: One"), ("user", "Two")]
    assert model_server.headers[0]["Authorization"] == "Bearer none"
    assert b"Traceback" not in log
    assert (broken.returncode, nothing) == (2, b"")
    assert complaint == b"botcli: LLM_MODEL: is not set: the name of a model that the server has\n"


@pytest.mark.parametrize("missing", ["openai", "httpx2"])
async def test_open_replier_without_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing the error names it, from which the command line makes one line."""
    from botcli import __main__

    monkeypatch.setitem(__import__("sys").modules, missing, None)
    monkeypatch.delitem(__import__("sys").modules, "botcli.replies.model", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "botcli.replies.failures", raising=False)

    with pytest.raises(ModuleNotFoundError) as caught:
        async with open_replier(settings(llm_api_key=KEY, llm_model=MODEL)):
            pass

    assert __main__._read(caught.value) == (1, "this command needs more: pip install 'botcore[llm]'")
    logging.getLogger("openai").setLevel(logging.NOTSET)
