"""Who takes part in `compare`, by name; its module is imported when its turn comes."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from benchmarks.contender import Contender, Dialogues
from benchmarks.load import Round, Work
from benchmarks.verification import verify

CONTENDERS: Final = {
    "botcore": "benchmarks.peers.botcore:Botcore",
    "botcore-unjoined": "benchmarks.peers.botcore:Unjoined",
    "pgbench": "benchmarks.peers.pgbench:Pgbench",
    "psycopg": "benchmarks.peers.psycopg:Psycopg",
    "asyncpg-separate": "benchmarks.peers.asyncpg:Separate",
    "asyncpg-single": "benchmarks.peers.asyncpg:Single",
    "asyncpg-single-unreset": "benchmarks.peers.asyncpg:SingleUnreset",
    "sqlalchemy-core": "benchmarks.peers.sqlalchemy:Core",
    "sqlalchemy-orm": "benchmarks.peers.sqlalchemy:Orm",
    "tortoise": "benchmarks.peers.tortoise:TortoiseOrm",
    "langchain-postgres": "benchmarks.peers.langchain:Langchain",
    "openai-agents": "benchmarks.peers.agents:Agents",
}


def create(name: str) -> Contender:
    """The contender of that name; raises ModuleNotFoundError where its package is not installed."""
    module, _, cls = CONTENDERS[name].partition(":")
    contender: Contender = getattr(import_module(module), cls)()
    return contender


def check(name: str, url: str) -> tuple[Sequence[str], str]:
    """Which operations it has, and what it lacks; raises DiffersError where it does something else than botcore."""
    contender = create(name)
    verify(name, contender, url)
    return contender.operations, contender.lacks


def measure(name: str, url: str, dialogues: Dialogues, work: Work) -> Round:
    """One round of it."""
    return create(name).measure(url, dialogues, work)
