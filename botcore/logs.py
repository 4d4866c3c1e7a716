"""One pipeline for every log line: ours, psycopg's, Alembic's and the bot's, on stderr."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure(
    level: str = "INFO",
    format: Literal["console", "json"] | None = None,  # noqa: A002
    *,
    sql: bool = False,
    secrets: Sequence[str] = (),
) -> None:
    """Sends the log to stderr, in colour to a terminal and as JSON Lines elsewhere unless `format` says otherwise.

    With `sql` each query is logged with its values, ready for psql: for local work, since the values are what
    people wrote. Fields bound by `structlog.contextvars` stand on each line. None of the `secrets` stands on any.
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
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    render: Any = structlog.dev.ConsoleRenderer(colors=colors) if console else structlog.processors.JSONRenderer()
    handler = _Stderr()
    handler.addFilter(_without_error_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render, _without(secrets)],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # it has WARNING of its own, also where only errors are asked for
    logging.getLogger("psycopg").setLevel(max(logging.WARNING, logging.root.level))
    _configure_sql(logging.DEBUG if sql else logging.CRITICAL)


def _configure_sql(level: int) -> None:
    # as it is: a time before it, or its newlines as JSON's, would be in the way of pasting
    logger = logging.getLogger("botcore.sql")
    logger.setLevel(level)
    logger.propagate = False
    logger.handlers[:] = [_Stderr()]


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is now: a prompt puts something in its place while it is shown."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _without(secrets: Sequence[str]) -> Callable[[WrappedLogger, str, Any], str]:
    """Takes the secrets out of a finished line, wherever they got into it."""

    def redact(_: WrappedLogger, __: str, line: Any) -> str:
        text = str(line)
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text

    return redact


def _without_error_arguments(record: logging.LogRecord) -> bool:
    """Exceptions in a message as their classes: aiogram's and the pool's warnings would quote their texts."""
    if isinstance(record.args, tuple):
        record.args = tuple(_classes(part) if isinstance(part, BaseException) else part for part in record.args)
    return True


def _classes(error: BaseException) -> str:
    name = type(error).__qualname__
    return f"{name} from {_classes(error.__cause__)}" if error.__cause__ else name


def _without_error_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception by its class, SQLSTATE and place: its text can hold a row, a token or a password."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        if places := traceback.extract_tb(error.__traceback__):
            event["at"] = f"{places[-1].filename}:{places[-1].lineno}"
        if sqlstate := getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None):
            event["sqlstate"] = sqlstate
    return event
