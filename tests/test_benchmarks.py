"""`python -m benchmarks compare` measures what does the same as botcore, and nothing else; no time is judged."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.contender import Chat, Contender, answer
from benchmarks.load import Round, Work
from benchmarks.peers.botcore import Botcore
from benchmarks.peers.pgbench import Pgbench
from benchmarks.peers.psycopg import Psycopg
from benchmarks.verification import DiffersError, verify
from botcore import Message

CONTENDERS = ["botcore", "psycopg", "pgbench"]


class Forgetful(Botcore):
    """Stores an answer without what it answers."""

    async def reply(self, chat: Chat, asked: Message, number: int) -> Message:
        """See Peer."""
        return await self._messages.add(**answer(chat, asked.id, number) | {"reply_to_id": None})


class Backwards(Botcore):
    """Returns the oldest of the 20 first."""

    async def history(self, chat: Chat) -> list[Message]:
        """See Peer."""
        return (await super().history(chat))[::-1]


class Shortened(Psycopg):
    """Returns one message less."""

    async def history(self, chat: Chat) -> list[dict[str, Any]]:
        """See Peer."""
        return (await super().history(chat))[1:]


def test_compare_of_three(database_url: str, tmp_path: Path) -> None:
    """Each contender's rounds of each operation are in the JSON, with ratios and CPU times, and in the tables."""
    file = tmp_path / "results.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks", "compare", "--only", *CONTENDERS]
    options = ["--json", str(file), "--tasks", "2", "--rounds", "1", "--seconds", "0.2"]

    run = subprocess.run(
        [*command, *options],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    found = json.loads(file.read_text())
    measured = [(each["operation"], each["tasks"], each["contender"]) for each in found["results"]]
    assert measured == [(operation, 2, name) for operation in ("record", "history", "turn") for name in CONTENDERS]
    for result in found["results"]:
        assert len(result["rounds"]) == 1
        assert len(result["ratio"]) == 3
        assert min(result["median"]["per_second"], result["median"]["client_cpu_ms"]) > 0
    assert found["machine"]["postgresql"]["synchronous_commit"] == "on"
    assert "turn, 2 tasks, medians of 1 round" in run.stdout
    assert "psycopg: writes person and chat anew" in run.stdout


@pytest.mark.parametrize("contender", [Botcore(), Psycopg(), Pgbench()])
def test_verify_of_the_same(contender: Contender, database_url: str) -> None:
    """What stores and returns the same rows may be measured."""
    verify("the same", contender, database_url)


@pytest.mark.parametrize(
    ("contender", "difference"),
    [
        (Forgetful(), "stores in chat 3 reply_to = None in message 27 instead of 1001"),
        (Backwards(), "returns, as history, role = 'assistant' in message 1 instead of 'user'"),
        (Shortened(), "returns, as history, 19 messages instead of 20"),
    ],
)
def test_verify_of_another(contender: Contender, difference: str, database_url: str) -> None:
    """Whoever stores or returns something else is refused, and told what differs."""
    with pytest.raises(DiffersError, match=f"^other {difference}"):
        verify("other", contender, database_url)


def test_results_by_round() -> None:
    """A ratio is taken within a round, so that a slow moment of the machine counts for both."""
    ours = [_round(per_second) for per_second in (30.0, 2.0, 100.0)]
    pgbench = [_round(per_second) for per_second in (10.0, 1.0, 100.0)]

    [result, baseline] = report.results(Work("turn", 8, 2.0), {"ours": ours, "pgbench": pgbench})

    assert result.ratio == (1.5, 2, 2.5)
    assert (result.median.per_second, baseline.median.per_second) == (30, 10)


def _round(per_second: float) -> Round:
    return Round(per_second, p50_ms=1.0, p99_ms=2.0, client_cpu_ms=0.5, server_cpu_ms=None)
