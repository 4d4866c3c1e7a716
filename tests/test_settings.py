"""Settings come from the environment, and the example file knows all of them."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from botcli.settings import BotSettings
from botcore import Settings

ROOT = Path(__file__).parents[1]


def test_example_file_names_every_setting_and_no_other() -> None:
    """.env.example is the list of what can be set."""
    named = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(named) == sorted(name.upper() for name in BotSettings.model_fields)


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the repr nor the error of a bad value holds a password or a token."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary@h/db")
    monkeypatch.setenv("BOT_TOKEN", "1:canary")
    settings = BotSettings()
    monkeypatch.setenv("LOG_LEVEL", "canary")

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert "canary" not in repr(settings)
    assert "canary" not in str(refused.value)


def test_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a shell or a compose file leaves empty does not count."""
    monkeypatch.setenv("DATABASE_URL", "")

    assert Settings(_env_file=None).database_url is None
