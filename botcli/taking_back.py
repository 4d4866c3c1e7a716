"""/undo: one question goes with its answers, in the transaction that stores the command, and so once."""

from aiogram.types import Message as Telegrams
from aiogram.types import User as Person

from botcli.exchanges import LOOKED_AT, chosen, newest_answered, to_us
from botcli.incoming import GROUPS, is_reply
from botcore import Message, Transaction


async def take_back(database: Transaction, command: Message, message: Telegrams, me: Person) -> list[Message]:
    """Hides the question that the command means, and what belongs to it, and gives that, the question first."""
    if command.user_id is None:
        return []
    dialogue = {
        "chat_id": command.chat_id,
        "user_id": command.user_id,
        "message_thread_id": command.message_thread_id,
    }
    while True:
        earlier = await database.messages.recent(**dialogue, before_id=command.id, page_size=LOOKED_AT)
        taken = _meant(earlier, command, message, me)
        # False where another call took it back at this moment: then it is the turn of the one before
        if not taken or await database.messages.delete(chat_id=taken[0].chat_id, message_id=taken[0].id):
            break
    for each in taken[1:]:
        await database.messages.delete(chat_id=each.chat_id, message_id=each.id)
    return taken


def _meant(earlier: list[Message], command: Message, message: Telegrams, me: Person) -> list[Message]:
    """As a reply what it is one to; in a group the newest question that has an answer; else the newest in words.

    Where there is nothing in words it is the newest of any kind. Its album goes with it, and its answers.
    """
    theirs, also = to_us(earlier, me), set[int]()
    if is_reply(message):
        question = chosen(theirs, earlier, command)
    else:
        question = next((each for each in theirs if each.content.strip()), theirs[0] if theirs else None)
        if message.chat.type in GROUPS:
            question = newest_answered(theirs, earlier) or question
        elif question:
            # pictures that followed the words: where there is nobody else, they are part of the question
            also = {each.id for each in theirs if each.id > question.id}
    if question is None:
        return []
    album = question.media_group_id
    also |= {each.id for each in theirs if album and each.media_group_id == album and each.id != question.id}
    asked = {question.id, *also}
    belongs = [each for each in earlier if each.id in also or (each.role == "assistant" and each.reply_to_id in asked)]
    return [question, *belongs[::-1]]
