"""/undo: the newest question goes with its answers, in the transaction that stores the command, and so once."""

from typing import Final

from botcore import Message, Transaction

# pictures and stickers can be newer than the question
_LOOKED_AT: Final = 100


async def take_back(database: Transaction, command: Message) -> list[Message]:
    """Hides the newest question before the command and what followed it, and gives that, the question first."""
    if command.user_id is None:
        return []
    dialogue = {
        "chat_id": command.chat_id,
        "user_id": command.user_id,
        "message_thread_id": command.message_thread_id,
    }
    while True:
        earlier = await database.messages.recent(**dialogue, before_id=command.id, page_size=_LOOKED_AT)
        taken = _newest_turn(earlier)
        # False where another call took it back at this moment: then it is the turn of the one before
        if not taken or await database.messages.delete(chat_id=taken[0].chat_id, message_id=taken[0].id):
            break
    for each in taken[1:]:
        await database.messages.delete(chat_id=each.chat_id, message_id=each.id)
    return taken


def _newest_turn(earlier: list[Message]) -> list[Message]:
    """The newest question in words, or else the newest of any kind, what is newer of the person, and the answers."""
    theirs = [each for each in earlier if each.role == "user"]
    question = next((each for each in theirs if each.content.strip()), theirs[0] if theirs else None)
    if question is None:
        return []
    asked = {each.id for each in theirs if each.id >= question.id}
    taken = [each for each in earlier if each.id in asked or (each.role == "assistant" and each.reply_to_id in asked)]
    return taken[::-1]
