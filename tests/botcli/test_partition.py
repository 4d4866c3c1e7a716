"""`botcli db partition`: messages go into partitions from the command line."""

import psycopg
import pytest

from botcli.cli.partition import partition
from botcore import InvalidInput
from tests.partitioning import fill, layout

pytestmark = pytest.mark.usefixtures("settings")


async def test_partition_from_rehearsal_to_end(
    connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can be tried, done, and ended; each says what comes next."""
    fill(connection, 30, 10)

    await partition(partitions=4, dry_run=True)
    assert (capsys.readouterr().out, layout(connection)) == ("about 300 messages would go into 4 partitions\n", "plain")
    await partition(partitions=4, yes=True)
    assert "--drop-old" in capsys.readouterr().err
    assert layout(connection) == "kept"
    await partition(drop_old=True, yes=True)

    assert capsys.readouterr().err == "messages_unpartitioned is gone\n"
    assert layout(connection) == "partitioned"


@pytest.mark.parametrize("arguments", [{}, {"drop_old": True}, {"abandon": True}])
async def test_partition_without_yes(arguments: dict[str, bool], connection: psycopg.Connection) -> None:
    """Off a terminal it does nothing unless it is told that this is meant."""
    with pytest.raises(InvalidInput, match="--yes"):
        await partition(**arguments)

    assert layout(connection) == "plain"


@pytest.mark.parametrize("word", ["abandon", "drop_old"])
async def test_partition_rehearsed_by_what_cannot_be(word: str) -> None:
    """Neither has a rehearsal: it is refused, and nothing happens."""
    arguments = {word: True}

    with pytest.raises(InvalidInput, match="--dry-run"):
        await partition(**arguments, dry_run=True, yes=True)


async def test_partition_abandoned_and_dropped_at_once() -> None:
    """Only one of the two can be meant."""
    with pytest.raises(InvalidInput, match="--abandon"):
        await partition(abandon=True, drop_old=True, yes=True)
