"""What a command finds around it: the settings, their log, and the embedded server's folder."""

from pathlib import Path

from botcli.database import data_dir
from botcli.settings import BotSettings
from botcore import InvalidInput, Settings, logs


def read_settings() -> BotSettings:
    """The settings, with the log set up: only errors unless LOG_LEVEL says otherwise, since commands talk."""
    settings = BotSettings()
    level = settings.log_level if "log_level" in settings.model_fields_set else "ERROR"
    logs.configure(level, settings.log_format, sql=settings.log_sql, secrets=settings.secrets())
    return settings


def embedded_dir(settings: Settings) -> Path:
    """The embedded server's folder; raises InvalidInput where DATABASE_URL names another server."""
    if settings.database_url:
        raise InvalidInput("DATABASE_URL", "is set, so the embedded server is not in use; unset it to manage that one")
    return data_dir(settings)
