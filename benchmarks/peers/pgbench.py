"""pgbench with the very same sql/ files, one statement each: what the server can do for a client that costs nothing.

https://www.postgresql.org/docs/current/pgbench.html
"""

import os
import resource
import subprocess
import tempfile
from math import ceil
from pathlib import Path
from typing import ClassVar

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks import load
from benchmarks.contender import CONNECTIONS, PLANS, Contender, Dialogues, Observed
from benchmarks.cpu import Server
from benchmarks.load import Round, Work
from benchmarks.peers.pgbench_script import script
from botcore import embedded


class Pgbench(Contender):
    """A process of C whose clients, a connection each, send prepared statements and throw the rows away."""

    lacks: ClassVar[str] = f"at most {CONNECTIONS} clients, so nobody waits for a connection; rows are not read"

    def measure(self, url: str, dialogues: Dialogues, work: Work) -> Round:
        """See Contender."""
        server = Server(url)
        clients = min(work.tasks, CONNECTIONS)
        server_cpu, client_cpu = server.cpu_seconds(), _children_seconds()
        warm_up = work.seconds * load.WARM_UP
        # in whole seconds; what is beyond the round is left out
        limit = ["--time", str(ceil(warm_up + work.seconds))]
        transactions = _run(url, dialogues, work.operation, limit, clients=clients)
        client_cpu = _children_seconds() - client_cpu
        began = min(end - took for end, took in transactions) + warm_up
        times = [took for end, took in transactions if began <= end < began + work.seconds]
        p50, p99 = load.percentiles(times)
        return Round(
            per_second=len(times) / work.seconds,
            p50_ms=p50 * 1e3,
            p99_ms=p99 * 1e3,
            client_cpu_ms=client_cpu / len(transactions) * 1e3,
            server_cpu_ms=server.cpu_ms_since(server_cpu, len(transactions)),
        )

    def observe(self, url: str, dialogues: Dialogues, number: int) -> Observed:
        """See Contender; what is returned nobody knows."""
        recorded, read, turned = dialogues.chats()
        new = dialogues.unknown()
        for chat, operation in ((recorded, "record"), (new, "record"), (read, "history"), (turned, "turn")):
            alone = Dialogues(chat.bot_id, chat.telegram_id, chat.chat_id, chat.user_id, 1, dialogues.messages)
            _run(url, alone, operation, ["--transactions", "1"], number=number)
        return Observed({}, [recorded, read, turned, new])


def _run(
    url: str, dialogues: Dialogues, operation: str, limit: list[str], *, clients: int = 1, number: int | None = None
) -> list[tuple[float, float]]:
    """When each transaction ended and how long it took, in seconds."""
    [first, *_] = dialogues.chats()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.sql")
        file.write_text(script(first, operation), encoding="utf-8")
        numbers = {
            "clients": clients,
            "chats": dialogues.count,
            "telegram_id": dialogues.telegram_id,
            "chat_id": dialogues.chat_id,
            "user_id": dialogues.user_id,
            # the first is one step on
            "number": (number or load.first_number()) - 2 * clients,
            "is_new": 1,
            "round": 0,
        }
        defined = [f"--define={name}={value}" for name, value in numbers.items()]
        command = [str(embedded.binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={clients}"]
        files = ["--log", f"--log-prefix={folder}/log", f"--file={file}"]
        address = conninfo_to_dict(url)
        # everybody on the machine can read a program's arguments
        environment = {**os.environ, "PGPASSWORD": str(address.pop("password", ""))}
        settings = " ".join(f"-c {name}={value}" for name, value in PLANS.items())
        address["options"] = f"{address.get('options', '')} {settings}".strip()
        run = subprocess.run(
            [*command, *limit, *defined, *files, make_conninfo("", **address)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment,
        )
        if run.returncode or "ERROR" in run.stderr:
            raise RuntimeError(f"pgbench failed: {run.stderr.strip()}")
        lines = [line.split() for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    # client, transaction, microseconds, script, and when it ended
    return [(int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1e6) for line in lines]


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
