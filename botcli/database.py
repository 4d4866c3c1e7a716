"""The database that the settings name: a server of the user's, or the embedded one, migrated by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botcore import Database, InvalidInput, SchemaMismatch, Settings, Unavailable, embedded, migrations

if TYPE_CHECKING:
    from botcore import Metrics

_WAIT_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


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


@contextmanager
def direct_url(settings: Settings) -> Iterator[str]:
    """As `database_url`, past a pooler: where the schema is changed, and what sets up a session of its own."""
    if settings.database_url and settings.database_direct_url:
        yield settings.database_direct_url.get_secret_value()
    else:
        with database_url(settings) as url:
            yield url


@asynccontextmanager
async def migrated_url(settings: Settings, *, direct: bool = False) -> AsyncIterator[str]:
    """As `database_url`, or `direct_url`, with the embedded server's schema brought up to date."""
    with (direct_url if direct else database_url)(settings) as url:
        if not settings.database_url:
            await migrations.upgrade(url)
        yield url


@asynccontextmanager
async def open_database(
    settings: Settings, *, wait: bool = False, metrics: "Metrics | None" = None
) -> AsyncIterator[Database]:
    """The database that the settings name; where its server is not there, with `wait` as soon as it is.

    Raises SchemaMismatch when the schema is behind this code, naming the command, and Unavailable. One that is ahead is
    the next release's, made for this one, too: who starts again while that is brought out must come up.
    """
    eraser_url = settings.database_eraser_url
    if eraser_url and not settings.database_url:
        raise InvalidInput("DATABASE_ERASER_URL", "is for the database of DATABASE_URL, which is not set")
    async with migrated_url(settings) as url:
        await _check(url, wait=wait)
        direct, replica = settings.database_direct_url, settings.database_replica_url
        # it can go again in between
        async with Database.connect(
            url,
            pooler=settings.database_pooler,
            direct_url=direct.get_secret_value() if direct else None,
            replica_url=replica.get_secret_value() if replica and settings.database_url else None,
            eraser_url=eraser_url.get_secret_value() if eraser_url else None,
            max_size=settings.database_pool_size,
            join_calls=settings.database_join_calls,
            cache_ttl_seconds=settings.database_cache_ttl_seconds,
            require_server=not wait,
            metrics=metrics,
        ) as database:
            yield database


async def _check(url: str, *, wait: bool) -> None:
    while True:
        try:
            return await migrations.check(url)
        except SchemaMismatch as mismatch:
            if mismatch.is_behind:
                raise
            return _log.warning("the schema is newer than this botcore", extra={"reason": str(mismatch)})
        except Unavailable as error:
            if not (wait and error.retry_is_safe):
                raise
            _log.warning("waiting for the database", extra={"reason": error.reason})
            await asyncio.sleep(_WAIT_SECONDS)
