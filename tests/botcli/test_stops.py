"""Which answer a press of Stop ends, and what is left of it."""

import asyncio
from typing import Any

import pytest
from aiogram.types import Message

from botcli.replies import Reply
from botcli.showing import draft_of
from botcli.stops import Draft, Stopped, Stops
from tests.botcli.updates import ASKED, message

DRAFT = Draft(7, 1)


def making() -> asyncio.Task[Reply]:
    """An answer that takes its time."""
    return asyncio.create_task(asyncio.sleep(3_600, Reply("whole")))


async def stopped(*heard: str) -> Reply:
    """What is left of an answer that is stopped when so much was heard."""
    stops = Stops()
    waits = asyncio.create_task(stops.until_stopped(DRAFT, making(), list(heard)))
    await asyncio.sleep(0)

    assert stops.stop(DRAFT)
    return await waits


async def test_stop_leaves_what_was_heard() -> None:
    """It is the parts together, as they can be stored, and no more than any answer has."""
    assert await stopped("a\ud83d", "\ude00\0 ") == Reply("a\U0001f600", cut="stop")
    assert await stopped(*["Yes " * 1_000] * 9) == Reply(("Yes " * 8_000).rstrip(), cut="stop")
    for heard in ([], [" \n", "\0"]):
        with pytest.raises(Stopped):
            await stopped(*heard)


async def test_stop_of_an_answer_that_began_again() -> None:
    """Where an update comes again while it is in work, the end of the first attempt leaves the second to be stopped."""
    stops, first, second = Stops(), making(), making()
    waits = [asyncio.create_task(stops.until_stopped(DRAFT, each, ["Once"])) for each in (first, second)]
    await asyncio.sleep(0)
    first.cancel()
    await waits[0]

    assert stops.stop(DRAFT)
    assert (await waits[1]).cut == "stop"
    assert not stops.stop(DRAFT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Draft(7, 5)),
        ({"message_id": 0}, Draft(7, 1)),
        ({"business_connection_id": "conn"}, None),
        (ASKED, None),
    ],
)
def test_draft_of(changes: dict[str, Any], expected: Draft | None) -> None:
    """Only where there are drafts can they be stopped: a business chat has the private one's id, and ids of its own."""
    assert draft_of(Message.model_validate(message(**({"message_id": 5} | changes)))) == expected
