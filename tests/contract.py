"""What every file of sql/ keeps to, as functions that return complaints: the test of the files and of itself."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

import psycopg

import botcore
from botcore import Database, Found, Message, Recorded, Said, Spoken, costs, figures, migrations, queries, rows
from botcore.arrivals import Position
from botcore.queries import Parameter
from botcore.standby import Place

# https://www.postgresql.org/docs/18/catalog-pg-type.html
TYPES = {
    16: "boolean",
    20: "bigint",
    23: "integer",
    25: "text",
    1009: "text[]",
    1016: "bigint[]",
    1184: "timestamptz",
    1185: "timestamptz[]",
}
PYTHON_TYPES = {
    "boolean": "bool",
    "bigint": "int",
    "integer": "int",
    "text": "str",
    "timestamptz": "datetime",
}
CODE = "".join(path.read_text() for path in Path(botcore.__file__).parent.glob("*.py"))
WITH_MESSAGE: dict[type, tuple[str, str]] = {
    Recorded: ("is_new", "bool"),
    Found: ("rank", "int"),
    Spoken: ("speaker", "str"),
}
ROWS = {
    name: row
    for name, row in (vars(rows) | vars(costs) | vars(figures)).items()
    if is_dataclass(row) and isinstance(row, type)
}
ROWS |= {"Place": Place, "Position": Position, "Said": Said}


def complaints(name: str, text: str, connection: psycopg.Connection, psql: list[str], url: str) -> list[str]:
    """Everything that is wrong with the file `sql/<name>.sql`."""
    stages: tuple[Callable[[], list[str]], ...] = (
        lambda: [*form(text), *parameters(name, text), *method(name), *removal(name, text)],
        lambda: described(name, text, connection),
        lambda: in_psql(name, text, psql, url),
        lambda: hides_deleted(name, text, connection),
    )
    # a later stage has nothing to say about a file that an earlier one refuses
    return next((found for stage in stages if (found := stage())), [])


def form(text: str) -> list[str]:
    """What is wrong with the file as a text."""
    body = re.sub(r"--.*", "", text)
    checks = {
        "longer than 4,096 bytes, placeholders included, its header not": len(queries.parse("", text).statement) > 4096,
        "no header: a sentence, a line a parameter, a line for what returns": not is_header(header(text)),
        "no final semicolon": not text.endswith(";\n"),
        "more than one statement": body.count(";") > 1,
        "SELECT *": bool(re.search(r"SELECT\s+(\w+\.)?\*|RETURNING\s+\*", body)),
        "a parameter without quotes": bool(re.search(r"(?<!:):(?!['\s:])", body)),
        "a parameter inside a comment": bool(re.search(r"--.*:'\w+'", text)),
        "deleted_at is not minded, and the header does not say why": not (
            "deleted_at IS" in body or "deleted_at = parent.deleted_at" in body or "deleted_at" in header(text)
        ),
    }
    return [complaint for complaint, is_wrong in checks.items() if is_wrong]


def is_header(text: str) -> bool:
    """Whether it is a sentence, perhaps more of them, and after an empty line the parameters and what returns."""
    paragraphs = text.split("\n--\n")
    *parameters, returns = paragraphs[-1].splitlines() or [""]
    return (
        len(paragraphs) > 1
        and bool(re.match(r"-- [A-Z'].*[.](\n|$)", text))
        and all(re.match(r"-- \w+ +\w", line) for line in parameters)
        and bool(re.match(r"-- returns +(\w+ |nothing$)", returns))
    )


def header(text: str) -> str:
    """The comment that a file opens with."""
    return text[: re.match(r"(--.*\n)*", text).end()]  # type: ignore[union-attr]


def parameters(name: str, text: str) -> list[str]:
    """Where the header's parameters are not those of the statement."""
    used = set(re.findall(r":'(\w+)'", text))
    declared = set(queries.parse(name, text).parameters)
    listed = set(re.findall(r"^-- (\w+)  +\w", text, re.MULTILINE)) - {"returns", "after"}
    return [f"parameter {parameter} is not declared" for parameter in used - declared] + [
        f"parameter {parameter} is not used" for parameter in listed - used
    ]


def method(name: str) -> list[str]:
    """Where no public method carries the file's name."""
    folder, _, stem = name.partition("/")
    owners = {"database": Database, "migrations": migrations}
    owner = owners.get(folder) or get_type_hints(Database).get(folder)
    # messages/record_original serves messages.record
    words = stem.split("_")
    called = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    found = [] if any(hasattr(owner, each) for each in called) else [f"no method {folder}.{stem}"]
    return found if f'"{name}"' in CODE else [*found, "no code runs it"]


def removal(name: str, text: str) -> list[str]:
    """Where rows go for good by a query that is not called so, or by a purge that nobody said to be no dry run."""
    body = re.sub(r"--.*", "", text)
    if not re.search(r"\b(DELETE|TRUNCATE)\b", body):
        return []
    word = name.partition("/")[2].partition("_")[0]
    if word not in {"purge", "erase"}:
        return ["removes rows and is neither purge nor erase"]
    # then a typing error in psql counts, and removes nothing
    is_sure = word == "erase" or set(re.findall(r":'dry_run' (\S+ \S+)", body)) == {"= 'no'"}
    return [] if is_sure else ["removes rows by another word than no for dry_run"]


def described(name: str, text: str, connection: psycopg.Connection) -> list[str]:
    """Where the server's types of the parameters and columns are not the header's and the row class's."""
    query = queries.parse(name, text)
    order = list(dict.fromkeys(re.findall(r":'(\w+)'", text)))
    numbered = re.sub(r":'(\w+)'", lambda match: f"${order.index(match[1]) + 1}", text)
    with connection.transaction(force_rollback=True):
        if query.after:
            connection.execute(queries.load(query.after).statement)
        prepared = connection.pgconn.prepare(b"", numbered.encode())
        result = connection.pgconn.describe_prepared(b"")
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        return [f"does not prepare: {prepared.get_error_message()}"]
    inferred = {parameter: TYPES.get(result.param_type(at), "?") for at, parameter in enumerate(order)}
    wrong = [
        f"parameter {parameter} is {kind} for the server, {query.parameters[parameter].type} in the header"
        for parameter, kind in inferred.items()
        if query.parameters[parameter].type != kind
    ]
    columns = [(result.fname(at), TYPES.get(result.ftype(at), "?")) for at in range(result.nfields)]
    return wrong + columns_complaints(text, [((column or b"").decode(), kind) for column, kind in columns])


def columns_complaints(text: str, columns: list[tuple[str, str]]) -> list[str]:
    """Where the columns are not the fields of what the header says it returns."""
    returns = re.search(r"^-- returns +(\w+)", text, re.MULTILINE)[1]  # type: ignore[index]
    if returns == "nothing":
        return [f"returns {columns}, not nothing"] if columns else []
    if returns not in ROWS:
        return [] if [kind for _, kind in columns] == [returns] else [f"returns {columns}, not one {returns}"]
    # of a query of many calls each row tells whose it is
    is_of_many = re.search(r"^-- returns .* and n, ", text, re.MULTILINE)
    expected = row_fields(ROWS[returns]) + ([("n", "int")] if is_of_many else [])
    found = [(column, PYTHON_TYPES.get(kind, "?")) for column, kind in columns]
    return [] if found == expected else [f"columns {found} are not the fields of {returns}: {expected}"]


def row_fields(row: type) -> list[tuple[str, str]]:
    """Name and Python type of a row class's fields; of one that holds a Message, that one's come first."""
    if row in WITH_MESSAGE:
        return [*row_fields(Message), WITH_MESSAGE[row]]
    hints = {field.name: str(get_type_hints(row)[field.name]) for field in fields(row)}
    kinds = ("datetime", "bool", "int", "str")
    return [
        (name, "str" if "Literal" in hint else next(kind for kind in kinds if kind in hint))
        for name, hint in hints.items()
    ]


def in_psql(name: str, text: str, psql: list[str], url: str) -> list[str]:
    """Where a real psql refuses the text with the values of sample.psql, after the file that it comes after."""
    sample = (queries.folder() / "sample.psql").read_text()
    # and with ids as large as Telegram's, which a literal beside them must not make an integer of
    query = queries.parse(name, text)
    unbounded = [name for name, each in query.parameters.items() if each == Parameter("bigint")]
    large = "".join(f"\\set {name} 7000000000\n" for name in unbounded)
    run_alone = f"\nBEGIN;\n{queries.load(query.after).text if query.after else ''}{text}\nROLLBACK;\n"
    found = []
    for program in psql:
        run = subprocess.run(
            [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", url],
            input=f"{sample}{run_alone}{large}{run_alone}",
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            found.append(f"{Path(program).parent}/psql refuses it: {run.stderr.strip()}")
    return found


def hides_deleted(name: str, text: str, connection: psycopg.Connection) -> list[str]:
    """Where a reading query still returns rows once every row of a table that it reads is deleted.

    Unless its header says that it gives them deleted or not, or, of chats, with or without messages.
    """
    body = re.sub(r"--.*", "", text)
    returns_rows = re.search(r"^-- returns +(User|Chat|Message|Found|Spoken|Version|Totals) ", text, re.MULTILINE)
    if not returns_rows or re.search(r"\b(INSERT|UPDATE)\b", body) or "deleted or not" in header(text).lower():
        return []
    query = queries.parse(name, text)
    values = sample_values()
    found = [] if connection.execute(query.statement, values).fetchall() else ["returns nothing for sample.psql"]
    tables = set(re.findall(r"(?:FROM|JOIN) (users|chats|messages)\b", body))
    for table in tables - ({"messages"} if "with or without messages" in header(text) else set()):
        with connection.transaction(force_rollback=True):
            connection.execute(f"UPDATE {table} SET deleted_at = now()".encode())
            rows = connection.execute(query.statement, values).fetchall()
        if any(any(row) for row in rows):  # totals of nothing are a row of zeros
            found.append(f"returns deleted rows of {table}")
    return found


def sample_values() -> dict[str, str]:
    """The values of sql/sample.psql."""
    text = (queries.folder() / "sample.psql").read_text()
    return {name: value.strip("'") for name, value in re.findall(r"^\\set (\w+) (.*)$", text, re.MULTILINE)}
