"""How the server's programs are run: with none of our environment, in the server's account, detached."""

import os
import subprocess
from collections.abc import Sequence
from typing import Any


def run_program(
    command: Sequence[object],
    account: dict[str, Any] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run it with none of our environment: no secret, no PGDATA, no TZ."""
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    if "LD_LIBRARY_PATH" in os.environ:  # where libz lies on some hosts
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return subprocess.run(
        list(map(str, command)),
        check=False,
        cwd="/",
        env=environment,
        errors="replace",
        umask=0o077,
        **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
        **(account or {}),
    )


def detach_program(command: Sequence[object], account: dict[str, Any] | None = None, **options: Any) -> None:
    """Start it in a session of its own, as nobody's child: no zombie here, no ResourceWarning."""
    options |= {"stderr": options["stdout"], "start_new_session": True}
    run_program(["/bin/sh", "-c", '"$@" &', "sh", *command], account, **options)
