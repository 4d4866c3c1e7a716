"""One pipeline for every log line: ours, psycopg's, Alembic's and the bot's, on stderr."""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure(
    level: str = "INFO", format: Literal["console", "json"] | None = None, *, sql: bool = False  # noqa: A002
) -> None:
    """Sends the log to stderr, in colour to a terminal and as JSON Lines elsewhere unless `format` says otherwise.

    With `sql` each query is logged with its values, ready for psql: for local work, since the values are what
    people wrote. Fields bound by `structlog.contextvars` stand on each line.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_error_text,
    ]
    console = (format or ("console" if sys.stderr.isatty() else "json")) == "console"
    render: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("botcore.sql").setLevel(logging.DEBUG if sql else logging.CRITICAL)


def _without_error_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception by its class and SQLSTATE: its text can hold a row, a token or a password."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        if sqlstate := getattr(error, "sqlstate", None):
            event["sqlstate"] = sqlstate
    return event
