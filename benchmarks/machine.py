"""Where a measurement was made: figures mean nothing without it."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psycopg

_PACKAGES: Final = (
    "psycopg",
    "psycopg-binary",
    "psycopg-pool",
    "asyncpg",
    "sqlalchemy",
    "tortoise-orm",
    "langchain-postgres",
    "openai-agents",
)
_SETTINGS: Final = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_connections")


def describe(url: str) -> dict[str, Any]:
    """Machine, server, versions, date and revision."""
    with psycopg.connect(url) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in _SETTINGS}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": _revision(),
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": {name: row[0] for name, row in shown.items() if row},
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def line(machine: dict[str, Any]) -> str:
    """The same in one line, for people."""
    server = machine["postgresql"]["server_version"].partition(" ")[0]
    return (
        f"PostgreSQL {server}, Python {machine['python']}, {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['date']}, revision {machine['revision']}"
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _revision() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
