"""The entry point: runs a command and turns every error into one line and an exit code."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydantic import ValidationError

# https://tldp.org/LDP/abs/html/exitcodes.html has 1, 2 and 128 + a signal's number; 3 is ours
_FAILED, _USAGE, _NOT_FOUND, _INTERRUPTED, _NO_READER = 1, 2, 3, 128 + 2, 128 + 13

_EXTRAS: Final = {
    "aiogram": "bot",
    "aiohttp": "bot",
    "cyclopts": "cli",
    "httpx2": "llm",
    "ijson": "cli",
    "matplotlib": "charts",
    "openai": "llm",
    "platformdirs": "local",
    "prometheus_client": "bot",
    "prompt_toolkit": "cli",
    "pyarrow": "parquet",
    "rich": "cli",
}


def main() -> None:
    """Runs `botcli` with the process's arguments and exits: 0 done, 1 failed, 2 wrong usage, 3 not found."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # in this order, so that none is given another's number, nor a connection to the database later on
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open
    if sys.stdout.isatty():
        # what the terminal's encoding lacks is shown as \u1234; a file must hold the data or nothing
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        code = _NO_READER
    except Exception as error:  # noqa: BLE001 - its text could hold a secret or what somebody wrote
        code, message = _read(error)
        sys.stderr.write(f"botcli: {message}\n")
    sys.exit(code)


def _run() -> int:
    from botcli.cli import app

    code = app(result_action="return_int_as_exit_code_else_zero", print_error=False, exit_on_error=False)
    sys.stdout.flush()
    return int(code)


def _read(error: Exception) -> tuple[int, str]:
    """The exit code for an error, and its one line."""
    if extra := _missing_extra(error):
        return _FAILED, f"this command needs more: pip install 'botcore[{extra}]'"

    from cyclopts import CycloptsError
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from botcore import BotcoreError, InvalidInput, NotFound

    kinds: list[tuple[type[Exception], int, Callable[[Any], str]]] = [
        (CycloptsError, _USAGE, _line),
        (ValidationError, _USAGE, _settings),
        (SettingsError, _USAGE, _line),
        (InvalidInput, _USAGE, _line),
        (NotFound, _NOT_FOUND, _line),
        (BotcoreError, _FAILED, _line),
        (UnicodeEncodeError, _FAILED, _encoding),
        (OSError, _FAILED, _system),
        (Exception, _FAILED, _unexpected),
    ]
    return next((code, read(error)) for kind, code, read in kinds if isinstance(error, kind))


def _missing_extra(error: BaseException | None) -> str | None:
    while error:
        if isinstance(error, ModuleNotFoundError):
            return _EXTRAS.get((error.name or "").partition(".")[0])
        # cyclopts wraps what importing a command's module raised
        error = error.__cause__
    return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _settings(error: "ValidationError") -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors())


def _encoding(error: UnicodeEncodeError) -> str:
    return f"{error.encoding} lacks a character of the output: set PYTHONUTF8=1"


def _system(error: OSError) -> str:
    return f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}"


def _unexpected(error: Exception) -> str:
    """A fault of ours: where it is, and with LOG_LEVEL=DEBUG the way there; never its text."""
    if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
        traceback.print_tb(error.__traceback__)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__module__}.{type(error).__qualname__} at {place.filename}:{place.lineno}"


def _discard_stdout() -> None:
    # the interpreter flushes it once more at exit: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
