"""The database that the commands open, while one release follows another."""

import logging

import psycopg
import pytest

from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcore import SchemaMismatch

pytestmark = pytest.mark.usefixtures("settings")


async def test_open_database_ahead(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the next release migrated still serves this one, which warns; one that is behind is refused."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with caplog.at_level(logging.WARNING):
            async with open_database(read_settings()) as database:
                await database.stats.totals(bot_id=0)
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(SchemaMismatch, match="botcli db upgrade"):
            async with open_database(read_settings()):
                pass

    assert [record.message for record in caplog.records] == ["the schema is newer than this botcore"]
