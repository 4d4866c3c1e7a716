"""`botcli backup` and `botcli restore`: the whole database as a file that was read back, and the way back from it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Self

from cyclopts import Parameter
from cyclopts.validators import Number

from botcli import archive
from botcli.archive import Contents, Show
from botcli.cli import clients, ledger, output, progress, signals
from botcli.cli.environment import read_settings
from botcli.database import direct_url
from botcore import BotcoreError, Database, InvalidInput, Receipt, console, migrations, partitions

_MEGABYTE: Final = 10**6
_FOR_ANY_OWNER: Final = ["--no-owner", "--no-privileges"]

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]


async def backup(
    file: Annotated[
        Path,
        Parameter(help="Where the archive goes, its manifest beside it as FILE.json; in a folder named by the time."),
    ],
    /,
    *,
    force: Annotated[bool, Parameter(help="Overwrite the file.")] = False,
    keep: Annotated[
        int | None,
        Parameter(
            help="Of a folder's backups the newest so many stay; a folder for each database.", validator=Number(gte=1)
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the whole database to a file of pg_dump's, as it is at one moment, and read it back to the last row.

    Nothing stops meanwhile. Save the ledger of erasures too, by `botcli ledger export`: a restored backup needs it.
    """
    made_at, folder = datetime.now(UTC), file
    if folder.is_dir():
        file = archive.dated(folder, made_at)
    elif keep:
        raise InvalidInput("--keep", f"is for a folder of backups, and {folder} is none")
    if not force and (file.exists() or archive.manifest_of(file).exists()):
        raise InvalidInput("FILE", f"{file} or its manifest exists; --force overwrites them")
    # past a pooler: what pg_dump sets would stay behind with whoever comes next
    with signals.ends(), direct_url(read_settings()) as url, progress.shown() as show:
        if await migrations.current(url) is None:
            raise BotcoreError("the database has no schema: there is nothing to back up")
        server = await _Server.at(url)
        # the manifest takes its place first: an archive without its own is refused
        with archive.private(file) as part, archive.private(archive.manifest_of(file)) as manifest:
            await _dump(server, part, show)
            contents = await server.read("pg_restore", "--data-only", "--file=-", str(part), show=show)
            # only that in a thread, which goes on after a Ctrl-C: it would write a file that was removed
            sha256 = await asyncio.to_thread(archive.digest, part)
            archive.write_manifest(part, manifest, made_at, contents, sha256)
    if keep:
        await asyncio.to_thread(archive.keep_newest, folder, keep, file)
    _print(contents, json=json)


async def restore(
    file: Annotated[Path, Parameter(help="What `backup` wrote, with its manifest beside it.")],
    /,
    *,
    ledger_file: Annotated[
        Path | None, Parameter(name="--ledger", help="The newest ledger: erases again whom the backup brings back.")
    ] = None,
    without_ledger: Annotated[bool, Parameter(help="Bring them back: nobody was erased since.")] = False,
    json: Json = False,
) -> None:
    """Fill an empty database from a backup, compare every table with it, bring it up to date, and replay the ledger.

    The rows come in one transaction: all of them, or none and it can be run again. Where it ends otherwise than with 0
    after that, the database is not to be used: drop it, and begin anew.
    """
    if (ledger_file is None) != without_ledger:
        raise InvalidInput(
            "--ledger", "is needed, or --without-ledger: a backup has everybody back who was erased after it was made"
        )
    receipts = ledger.read(ledger_file) if ledger_file else []
    contents = archive.read_manifest(file).contents
    if contents.revision not in {known for known, _ in migrations.history()}:
        raise BotcoreError(f"the backup is at migration {contents.revision}: a newer botcore has to restore it")
    with signals.ends(), direct_url(read_settings()) as url, progress.shown() as show:
        if not await migrations.is_empty(url):
            raise BotcoreError(
                "the database is not empty: restore into a new one, for the embedded server by another"
                " BOTCORE_DATA_DIR; what an interrupted restore left is not to be used"
            )
        server = await _Server.at(url)
        await _load(server, file, show)
        try:
            await _analyze(server, show)
            _compare(contents, await server.read("pg_dump", "--data-only", show=show))
            if await partitions.is_under_way(url):
                # migrations wait for its end, and it may be another release's
                await partitions.abandon(url)
            # nobody but its owner reads it before the ledger was replayed
            await migrations.upgrade(url, grants=False)
            entered = await _replay(url, receipts)
            await migrations.grant(url)
        except BaseException:
            output.say("the rows are back, but not compared or without the ledger: drop this database and begin anew")
            raise
    _print(contents, json=json, entered=entered)


@dataclass(frozen=True, slots=True)
class _Server:
    """Where PostgreSQL's programs go, and its version, which theirs has to fit."""

    environment: dict[str, str]
    version: int

    @classmethod
    async def at(cls, url: str) -> Self:
        return cls(console.environment(url), await console.server_version(url))

    @property
    def into(self) -> str:
        """The option that names the database, also one whose name would be taken for settings."""
        name = self.environment.get("PGDATABASE", "").replace("\\", "\\\\").replace("'", "\\'")
        return f"--dbname=dbname='{name}'" if name else "--dbname="

    async def run(self, name: str, *options: str, watch: Callable[[], None]) -> None:
        await archive.run([clients.fitting(name, self.version), *options], self.environment, watch)

    async def read(self, name: str, *options: str, show: Show) -> Contents:
        return await archive.contents([clients.fitting(name, self.version), *options], self.environment, show)


async def _dump(server: _Server, part: Path, show: Show) -> None:
    def watch() -> None:
        show(f"written: {part.stat().st_size / _MEGABYTE:,.1f} MB")

    await server.run("pg_dump", "--format=custom", *_FOR_ANY_OWNER, f"--file={part}", watch=watch)


async def _load(server: _Server, file: Path, show: Show) -> None:
    def watch() -> None:
        show(f"restoring {file.stat().st_size / _MEGABYTE:,.1f} MB")

    options = ["--single-transaction", "--exit-on-error", *_FOR_ANY_OWNER, server.into]
    await server.run("pg_restore", *options, str(file), watch=watch)


async def _analyze(server: _Server, show: Show) -> None:
    """Else the first queries would be planned for empty tables."""
    await server.run("vacuumdb", "--analyze-only", "--quiet", server.into, watch=lambda: show("counting values"))


def _compare(archived: Contents, stored: Contents) -> None:
    names = archived.sha256.keys() | stored.sha256.keys()
    if different := sorted(name for name in names if archived.sha256.get(name) != stored.sha256.get(name)):
        raise BotcoreError(f"the database differs from the backup in {', '.join(different)}: do not use it")


async def _replay(url: str, receipts: list[Receipt]) -> int:
    async with Database.connect(url) as database:
        return await database.users.erase_again(receipts=receipts)


def _print(contents: Contents, *, json: bool, **more: int) -> None:
    counts: Iterable[tuple[str, int]] = [*sorted(contents.rows.items()), *more.items()]
    output.as_json(dict(counts)) if json else output.as_pairs(counts)
