"""`botcli db`: the schema's migrations, its roles, psql, and the embedded server."""

import getpass
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from botcli.cli import output
from botcli.cli.environment import embedded_dir, read_settings
from botcli.cli.partition import partition
from botcli.database import direct_url, migrated_url
from botcore import Unavailable, embedded, migrations
from botcore import roles as database_roles

app = App(name="db", help="The schema's migrations, its roles, psql, and the embedded server.")
app.command(partition)

Revision = Annotated[
    str, Parameter(help="A revision, `head`, `base`, or a step as +1 and -1.", allow_leading_hyphen=True)
]
Script = Annotated[bool, Parameter(help="Print the SQL, for `psql -v ON_ERROR_STOP=1`; REVISION may be FROM:TO then.")]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]


@app.command
async def upgrade(revision: Revision = "head", /, *, sql: Script = False) -> None:
    """Bring the schema to a revision, by default the newest; several processes may do so at once."""
    if sql:
        return output.write(migrations.script(revision))
    with direct_url(read_settings()) as url:
        await migrations.upgrade(url, revision)
        return output.say(f"the schema is at {await migrations.current(url) or 'base'}")


@app.command
async def downgrade(
    revision: Revision,
    /,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    dry_run: Annotated[bool, Parameter(help="Print the SQL that would run, and change nothing.")] = False,
    sql: Script = False,
) -> None:
    """Take the schema back to a revision, and destroy the data of what is undone."""
    if sql:
        return output.write(migrations.script(revision, "downgrade"))
    with direct_url(read_settings()) as url:
        found = await migrations.current(url)
        if found is None:
            return output.say("the database has no schema: there is nothing to undo")
        if dry_run:
            return output.write(migrations.script(f"{found}:{revision}", "downgrade"))
        if not yes:
            output.confirm(f"going from {found} back to {revision} destroys data")
        await migrations.downgrade(url, revision)
        return output.say(f"the schema is at {await migrations.current(url) or 'base'}")


@app.command
async def current(*, json: Json = False) -> None:
    """Print the revision that the database is at."""
    with direct_url(read_settings()) as url:
        found = await migrations.current(url)
    if json:
        output.as_json({"current": found, "head": migrations.head()})
    elif found:
        output.write(f"{found} (head)" if found == migrations.head() else found)
    else:
        output.say("the database has no schema yet: run `botcli db upgrade`")


@app.command
def history(*, json: Json = False) -> None:
    """List the migrations, oldest first."""
    head, found = migrations.head(), migrations.history()
    if json:
        output.as_json([{"revision": r, "title": title, "is_head": r == head} for r, title in found])
    else:
        output.as_pairs((r, f"{title} (head)" if r == head else title) for r, title in found)


@app.command
async def check() -> None:
    """Fail, naming the command to run, unless the schema is this code's."""
    with direct_url(read_settings()) as url:
        await migrations.check(url)
    output.say(f"the schema is at {migrations.head()}, as this botcore expects")


@app.command
async def roles(
    *,
    prefix: Annotated[str, Parameter(help="Before their names; by default what they have, at first `botcore`.")] = "",
    sql: Annotated[bool, Parameter(help="Print the SQL, for `psql -v ON_ERROR_STOP=1`, and change nothing.")] = False,
) -> None:
    """Make the roles of the database, each with its rights, or bring them up to date; print their names.

    As a superuser, or as the database's owner if it may create roles.
    """
    if sql:
        return output.write(database_roles.script(prefix))
    with direct_url(read_settings()) as url:
        output.write("\n".join(await database_roles.create(url, prefix)))
    return output.say("a password for those that have none: `botcli db password ROLE`")


@app.command
async def password(role: Annotated[str, Parameter(help="Its name, with the prefix.")], /) -> None:
    """Give a role a password, asked for in a terminal, else the first line of stdin; the server learns its hash."""
    new = getpass.getpass(f"new password of {role}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    with direct_url(read_settings()) as url:
        await database_roles.set_password(url, role, new)
    output.say(f"{role} has a new password")


@app.command(help_flags=["--help"], version_flags=[])
async def psql(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True, help="psql's own.")]) -> int:
    """Open psql on the database, migrated where it is the embedded one."""
    from botcli.cli.psql import run_psql

    settings = read_settings()
    async with migrated_url(settings, direct=True) as url:
        return run_psql(url, arguments, is_embedded=not settings.database_url)


@app.command
async def start() -> None:
    """Start the embedded server, migrated, and leave it running until `stop`; prints its URL."""
    url = embedded.start(embedded_dir(read_settings()))
    await migrations.upgrade(url)
    output.write(url)
    output.say("it runs until `botcli db stop`")


@app.command
def stop() -> None:
    """Stop the embedded server, whoever uses it; what was committed stays."""
    stopped = embedded.stop(embedded_dir(read_settings()))
    output.say("stopped" if stopped else "the embedded server was not running")


@app.command
def status(*, json: Json = False) -> None:
    """Tell what is known of the embedded server."""
    found = embedded.status(embedded_dir(read_settings()))
    if json:
        output.as_json(asdict(found))
    else:
        output.as_pairs(asdict(found).items())


@app.command
def url() -> None:
    """Print the running embedded server's URL, as psql takes it."""
    found = embedded.status(embedded_dir(read_settings()))
    if not found.url:
        raise Unavailable("the embedded server is not running: run `botcli db start`")
    output.write(found.url)
