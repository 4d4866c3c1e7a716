"""botcore beside its peers: an incoming message, a history, a whole turn."""

import json
import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from benchmarks import contenders, dialogues, machine, picture, report
from benchmarks.contenders import CONTENDERS
from benchmarks.load import Round, Work
from benchmarks.server import server
from benchmarks.verification import DiffersError

DIALOGUES: Final = 200
MESSAGES: Final = 50

Operation = Literal["record", "history", "turn"]
Many = Parameter(consume_multiple=True)


def compare(
    *,
    tasks: Annotated[Sequence[int], Many] = (1, 8, 32, 64),
    rounds: int = 5,
    seconds: float = 2.0,
    only: Annotated[Sequence[str], Many] = tuple(CONTENDERS),
    operations: Annotated[Sequence[Operation], Many] = ("record", "history", "turn"),
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    picture_file: Annotated[Path | None, Parameter(name="--picture")] = None,
) -> None:
    """Measures botcore, pgbench and the peers in turn, round by round, once each does what botcore does.

    record stores an incoming message with its person and chat, history reads the newest 20 of a dialogue, turn does
    both and stores the answer.

    Parameters
    ----------
    tasks
        Concurrent tasks, each in dialogues of its own, over a pool of ten connections.
    rounds
        Of each contender, of which the medians are taken.
    seconds
        Of a round; a quarter of it goes before, to warm up.
    only
        Contenders by name; pgbench is what the others are compared with.
    operations
        Which of the three.
    json_file
        Takes every round, with the machine.
    picture_file
        Takes a picture of the ratios at 32 tasks, .svg or .png.

    """
    if unknown := set(only) - set(CONTENDERS):
        sys.exit(f"no such contender: {', '.join(sorted(unknown))}; there are {', '.join(CONTENDERS)}")
    # what cannot be written should not be found out half an hour later
    if json_file:
        json_file.touch()
    if picture_file:
        picture.check(picture_file)
    works = [Work(operation, number, seconds) for number in tasks for operation in operations]
    with server() as url, _processes(only) as processes:
        found = _measure(url, processes, works, rounds)
    if json_file:
        json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if picture_file:
        picture.draw(found, picture_file)


def _measure(url: str, processes: Mapping[str, Executor], works: Sequence[Work], rounds: int) -> dict[str, Any]:
    """Everything that was found, as JSON has it; prints each table as soon as it is there."""
    abilities = {name: _check(name, url, process) for name, process in processes.items()}
    about = machine.describe(url)
    _say(machine.line(about) + "\n")
    loaded = dialogues.load(url, DIALOGUES, MESSAGES)
    dialogues.settle(url)
    found = []
    for work in works:
        able = [name for name in processes if work.operation in abilities[name][0]]
        taken: dict[str, list[Round]] = {name: [] for name in able}
        for turn in range(rounds):
            for name in _rotated(able, turn):
                taken[name].append(processes[name].submit(contenders.measure, name, url, loaded, work).result())
        if results := report.results(work, taken):
            _say(report.table(results))
        found += results
    lacks = {name: lack for name, (_, lack) in abilities.items() if lack}
    for name, lack in lacks.items():
        _say(fill(f"{name}: {lack}.", 120, subsequent_indent="  "))
    settings = {"rounds": rounds, "seconds": works[0].seconds, "dialogues": DIALOGUES, "messages": MESSAGES}
    return {"machine": about, "settings": settings, "lacks": lacks, "results": report.as_json(found)}


@contextmanager
def _processes(names: Sequence[str]) -> Iterator[dict[str, Executor]]:
    """A process for each contender: its own interpreter, its own garbage, its own CPU time."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        yield {name: stack.enter_context(ProcessPoolExecutor(1, mp_context=context)) for name in names}


def _check(name: str, url: str, process: Executor) -> tuple[Sequence[str], str]:
    try:
        return process.submit(contenders.check, name, url).result()
    except ModuleNotFoundError as error:
        sys.exit(f"{name} needs {error.name}: pip install 'botcore[benchmarks]', or name others by --only")
    except DiffersError as error:
        sys.exit(str(error))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _rotated(names: list[str], by: int) -> list[str]:
    # nobody always comes after the same one
    by %= len(names) or 1
    return names[by:] + names[:by]
