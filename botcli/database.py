"""The database that the settings name: a server of the user's, or the embedded one, migrated by itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from botcore import Database, Settings, embedded, migrations


def data_dir(settings: Settings) -> Path:
    """The embedded server's folder."""
    return settings.botcore_data_dir or embedded.default_data_dir()


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The server's URL; the embedded server runs for as long as the block does."""
    if settings.database_url:
        yield settings.database_url.get_secret_value()
    else:
        with embedded.serve(data_dir(settings)) as url:
            yield url


@asynccontextmanager
async def migrated_url(settings: Settings) -> AsyncIterator[str]:
    """As `database_url`, with the embedded server's schema brought up to date."""
    with database_url(settings) as url:
        if not settings.database_url:
            await migrations.upgrade(url)
        yield url


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database that the settings name.

    Raises SchemaMismatch when the schema is not this code's, naming the command.
    """
    async with migrated_url(settings) as url:
        await migrations.check(url)
        async with Database.connect(url, max_size=settings.database_pool_size) as database:
            yield database
