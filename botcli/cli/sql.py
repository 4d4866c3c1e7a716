"""`botcli sql`: the queries of sql/, to read, to paste, to run and to explain."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import App, Parameter

from botcli.cli import output
from botcore import InvalidInput, console, queries

app = App(name="sql", help="The queries of sql/: read, paste, run and explain them.")

Name = Annotated[str, Parameter(help="As `list` has it: messages/recent.")]
Parameters = Annotated[
    list[str] | None,
    Parameter(name=["-p", "--param"], help="A parameter as name=value, as in `\\set`; repeat it."),
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the queries with what each is for."""
    found = [(name, _sentence(queries.load(name).text)) for name in queries.names()]
    if json:
        output.as_json([{"name": name, "sentence": sentence} for name, sentence in found])
    else:
        output.as_pairs(found)


@app.command
def show(name: Name, /, *, param: Parameters = None) -> None:
    """Print a query's file; with its parameters, filled in and ready for any psql."""
    query = console.find(name)
    output.write(console.paste(query, _texts(param)) if param else query.text)


@app.command
async def run(
    name: Name,
    /,
    *,
    param: Parameters = None,
    write: Annotated[bool, Parameter(help="Let it change rows; without, it only reads.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print a JSON array of objects.")] = False,
    csv: Annotated[bool, Parameter(name="--csv", help="Print CSV with a line of names.")] = False,
) -> None:
    """Run a query and print its rows."""
    from botcli.cli.environment import read_settings
    from botcli.database import migrated_url

    if json and csv:
        raise InvalidInput("--csv", "and --json are two forms of output: take one")
    query, texts = console.find(name), _texts(param)
    async with migrated_url(read_settings()) as url:
        table = await console.run(url, query, texts, write=write)
    if json:
        output.as_json([dict(zip(table.columns, row, strict=True)) for row in table.rows])
    elif csv:
        output.as_csv(table.columns, table.rows)
    else:
        output.as_table(table.columns, table.rows)


@app.command
async def explain(
    name: Name,
    /,
    *,
    param: Parameters = None,
    analyze: Annotated[bool, Parameter(help="Run it, roll it back, and show what it took.")] = False,
    generic: Annotated[bool, Parameter(help="For any values: PostgreSQL 16 and newer, no -p.")] = False,
    json: Json = False,
) -> None:
    """Show a query's plan."""
    from botcli.cli.environment import read_settings
    from botcli.database import migrated_url

    if analyze and generic:
        raise InvalidInput("--generic", "shows a plan for no values, which --analyze cannot run")
    query, texts = console.find(name), _texts(param)
    async with migrated_url(read_settings()) as url:
        plan = await console.explain(url, query, texts, analyze=analyze, generic=generic, as_json=json)
    output.as_json(plan[0]) if json else output.write("\n".join(plan))


def _texts(parameters: Iterable[str] | None) -> dict[str, str]:
    pairs = [parameter.partition("=") for parameter in parameters or ()]
    for name, equals, _ in pairs:
        if not equals:
            raise InvalidInput("-p", f"takes name=value, not {name!r}")
    return {name: value for name, _, value in pairs}


def _sentence(text: str) -> str:
    """The first sentence of a file's header."""
    paragraph = text.partition("\n--\n")[0].replace("\n-- ", " ").removeprefix("-- ")
    return paragraph.partition(". ")[0].removesuffix(".") + "."
