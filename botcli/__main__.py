"""The entry point: runs a command and turns every error of ours into one line and an exit code."""

import sys

from botcore import BotcoreError, InvalidInput, NotFound

# https://tldp.org/LDP/abs/html/exitcodes.html has 1 for a failure and 2 for wrong usage; 3 is ours
_FAILED, _USAGE, _NOT_FOUND = 1, 2, 3


def main() -> None:
    """Runs `botcli` with the process's arguments and exits: 0 done, 1 failed, 2 wrong usage, 3 not found."""
    try:
        from pydantic import ValidationError

        from botcli.cli import app
    except ModuleNotFoundError as error:
        sys.exit(_say(f"botcli needs {error.name}: pip install 'botcore[bot,local]'", _FAILED))
    try:
        app()
    except NotFound as error:
        sys.exit(_say(error, _NOT_FOUND))
    except InvalidInput as error:
        sys.exit(_say(error, _USAGE))
    except BotcoreError as error:
        sys.exit(_say(error, _FAILED))
    except ValidationError as error:
        sys.exit(_say("; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()), _USAGE))
    except KeyboardInterrupt:
        sys.exit(130)


def _say(message: object, code: int) -> int:
    print(f"botcli: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
