"""What a migration does about the roles: nothing is left for a person to do."""

import pytest

from botcore import InvalidInput, migrations
from tests import roles
from tests.test_migrations import AddMigration, add_migration, folder

__all__ = ["add_migration", "folder"]


@pytest.mark.parametrize("role", ["migrator", "superuser"])
async def test_migration_grants_by_itself(role: str, database_url: str, add_migration: AddMigration) -> None:
    """A column that a migration makes again has its rights with it, and a new table is the owner's, whoever ran it."""
    add_migration(
        "ALTER TABLE messages DROP COLUMN edited_at; ALTER TABLE messages ADD COLUMN edited_at TIMESTAMPTZ;"
        "CREATE TABLE more (id BIGINT GENERATED ALWAYS AS IDENTITY)"
    )
    before = roles.rows(database_url, roles.EVERYTHING)

    await migrations.upgrade(database_url if role == "superuser" else roles.url_of(role, database_url))

    assert [row for row in before if row not in roles.rows(database_url, roles.EVERYTHING)] == []
    assert {owner for _, owner in roles.rows(database_url, roles.OBJECTS)} == {"botcore_owner"}


async def test_migrations_down_and_up(database_url: str) -> None:
    """On the way down each schema has the rights that fit it; back up all are there again."""
    before = roles.rows(database_url, roles.EVERYTHING)
    url = roles.url_of("migrator", database_url)

    await migrations.downgrade(url, "base")
    await migrations.upgrade(url)

    assert roles.rows(database_url, roles.EVERYTHING) == before


async def test_migration_that_fails_grants_nothing(database_url: str, add_migration: AddMigration) -> None:
    """The rights are the migration's own transaction's: without it they stay as they were."""
    add_migration("REVOKE INSERT ON users FROM botcore_app; SELECT 1 / 0")
    before = roles.rows(database_url, roles.EVERYTHING)

    with pytest.raises(InvalidInput):
        await migrations.upgrade(roles.url_of("migrator", database_url))

    assert roles.rows(database_url, roles.EVERYTHING) == before
