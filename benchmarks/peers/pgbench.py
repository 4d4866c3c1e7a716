"""pgbench with the very same sql/ files, one statement each: what the server can do for a client that costs nothing.

https://www.postgresql.org/docs/current/pgbench.html
"""

import resource
import subprocess
import tempfile
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, Final

from benchmarks import load
from benchmarks.contender import (
    ANSWER,
    CONNECTIONS,
    PAGE,
    Chat,
    Contender,
    Dialogues,
    Observed,
    person_and_chat,
    question,
)
from benchmarks.cpu import Server
from benchmarks.load import Round, Work
from benchmarks.peers import statements
from botcore import embedded, queries
from botcore.messages import NEWEST

# what psql says for none, which pgbench has to as well
_NONE: Final = {"bigint": 0, "text": "", "timestamptz": "infinity"}
_RECENT: Final = {"message_thread_id": 0, "before_id": NEWEST, "page_size": PAGE}
_ANSWER: Final = {"role": "assistant", "content": ANSWER}

# A client goes round the chats that are its own. Texts cannot be \set, and -D takes none that is empty.
_SETUP: Final = r"""
\if :is_new
{texts}
\set is_new 0
\endif
\set own (:chats - :client_id + :clients - 1) / :clients
\set place :client_id + :clients * (:round % :own)
\set round :round + 1
\set number :number + 2 * :clients
\set telegram_message_id :number + 2 * :client_id
\set record_telegram_message_id :telegram_message_id
\set record_telegram_user_id :telegram_id + :place
\set record_telegram_chat_id :telegram_id + :place
\set recent_chat_id :chat_id + :place
\set recent_user_id :user_id + :place
"""
_RECORD: Final = statements.prefixed(statements.RECORD, "record_")
_RECENT_20: Final = statements.prefixed(statements.RECENT, "recent_")
_ADD: Final = rf"""
\set add_chat_id :recorded_chat_id
\set add_user_id :recorded_user_id
\set add_reply_to_id :recorded_id
\set add_telegram_message_id :telegram_message_id + 1
{statements.prefixed(statements.ADD, "add_")}
"""
_TURN: Final = _RECORD.rstrip().removesuffix(";") + "\n\\gset recorded_\n" + _RECENT_20 + _ADD
_SCRIPTS: Final = {"record": _RECORD, "history": _RECENT_20, "turn": _TURN}


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
        script = Path(folder, "script.sql")
        script.write_text(_SETUP.format(texts=_gset(_texts(first, operation))) + _SCRIPTS[operation], encoding="utf-8")
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
        files = ["--log", f"--log-prefix={folder}/log", f"--file={script}"]
        run = subprocess.run(
            [*command, *limit, *defined, *files, url], capture_output=True, text=True, check=False, cwd=folder
        )
        if run.returncode or "ERROR" in run.stderr:
            raise RuntimeError(f"pgbench failed: {run.stderr.strip()}")
        lines = [line.split() for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    # client, transaction, microseconds, script, and when it ended
    return [(int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1e6) for line in lines]


def _texts(chat: Chat, operation: str) -> dict[str, Any]:
    """Every value that does not change, under its script's prefix."""
    record: dict[str, Any] = {"kind": "text", **person_and_chat(chat), **question(0)}
    given = {"record": record, "recent": _RECENT, "add": _ANSWER}
    scripts = {"record": ["record"], "history": ["recent"], "turn": ["record", "recent", "add"]}[operation]
    return {f"{script}_{name}": value for script in scripts for name, value in _values(script, given[script]).items()}


def _values(script: str, given: dict[str, Any]) -> dict[str, Any]:
    parameters = queries.load(f"messages/{script}").parameters
    found = {name: given.get(name) for name in parameters}
    return {name: _NONE[parameters[name].type] if value is None else value for name, value in found.items()}


def _gset(values: dict[str, Any]) -> str:
    return "SELECT " + ", ".join(f"{_literal(value)} AS {name}" for name, value in values.items()) + "\n\\gset"


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
