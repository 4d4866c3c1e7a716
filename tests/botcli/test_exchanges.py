"""Commands as a reply: they mean that question, or none."""

from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ASKED, GROUP, PHOTO, SENT_AT, US, message


async def contents(database: Database) -> list[str]:
    """What is left of what was said in the group."""
    return [each.content for each in await stored(database, GROUP["id"])]


async def test_retry_as_a_reply(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """As a reply to a question, or to its answer, it means that one, whatever the person said to others since."""
    question, other = message("One", **ASKED), message("Two", **ASKED)
    answer = message("One", chat=GROUP, sender=US, message_id=1_003)

    for each in (
        question,
        other,
        message("To others", chat=GROUP),
        message("/retry", chat=GROUP, reply_to_message=question),
        message("/retry", chat=GROUP, reply_to_message=other),
        message("/retry", chat=GROUP),
    ):
        await feed(message=each)

    assert [sent["text"] for sent in bot_api.sent] == ["One", "Two", "One", "Two", "To others"]
    await feed(message=message("/retry", chat=GROUP, reply_to_message=answer))
    assert bot_api.sent[-1]["text"] == "One"
    assert await contents(database) == ["One", "Two", "To others", "Two", "To others", "One"]


async def test_retry_as_a_reply_to_what_is_no_question(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """As a reply to what others said, to their answers, or to what nobody can answer, it answers nothing else."""
    bobs, photo = message("Bob's", **ASKED, sender={**ADA, "id": 8}), message(None, chat=GROUP, photo=PHOTO)
    to_another = message("/wat@other_bot", chat=GROUP)
    for said_before in (message("Ada's", **ASKED), bobs, photo, to_another):
        await feed(message=said_before)
    elsewhere = {"external_reply": {"origin": {"type": "hidden_user", "sender_user_name": "Eve", "date": SENT_AT}}}
    to_bob = message("Bob's", chat=GROUP, sender=US, message_id=1_002)
    unasked = (bobs, to_bob, to_another, message("Never stored", chat=GROUP))
    replies = [elsewhere, *({"reply_to_message": each} for each in unasked)]

    for fields in replies:
        await feed(message=message("/undo", chat=GROUP, **fields))
    for fields in (*replies, {"reply_to_message": photo}):
        await feed(message=message("/retry", chat=GROUP, **fields))

    told = [sent["text"].partition(".")[0] for sent in bot_api.sent]
    assert told[2:] == ["There I find no question of yours, nor my answer to one"] * 11
    assert await contents(database) == ["Ada's", "Ada's", "Bob's", "Bob's", "", "/wat@other_bot"]


async def test_undo_as_a_reply(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """As a reply to a question, or to its answer, it takes back that one, with its album, and no other."""
    one, two = message("One", **ASKED), message(None, **ASKED, photo=PHOTO, caption="Two", media_group_id="a")
    for said in (one, two, message(None, chat=GROUP, photo=PHOTO, media_group_id="a"), message("Three", **ASKED)):
        await feed(message=said)

    await feed(message=message("/undo", chat=GROUP, reply_to_message=two))
    answer = message("One", chat=GROUP, sender=US, message_id=1_001)
    await feed(message=message("/undo", chat=GROUP, reply_to_message=answer))

    told = [sent["text"].splitlines()[0] for sent in bot_api.sent[3:]]
    assert told == ["Taken back: Two", "Taken back: One"]
    assert await contents(database) == ["Three", "Three"]
