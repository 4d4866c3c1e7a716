"""Which question of a person's a command is about: the one that it is a reply to, or one of the newest."""

from typing import Final

from aiogram.types import User as Person

from botcli.sentences import later
from botcore import Message

# service messages and photos without a caption can be newer than what is meant
LOOKED_AT: Final = 100
NOT_THERE: Final = later(
    "There I find no question of yours, nor my answer to one. Without a reply I take your last one."
)


def to_us(earlier: list[Message], me: Person) -> list[Message]:
    """What the person said in their dialogue, newest first, without commands to other bots; our own are hidden."""
    return [each for each in earlier if each.role == "user" and not is_for_another(each.content, me)]


def chosen(theirs: list[Message], earlier: list[Message], command: Message) -> Message | None:
    """The one of theirs that the command is a reply to, or to the answer of."""
    meant = next((each for each in earlier if each.id == command.reply_to_id), None)
    if meant is None:
        return None
    question_id = meant.reply_to_id if meant.role == "assistant" else meant.id
    return next((each for each in theirs if each.id == question_id), None)


def newest_answered(theirs: list[Message], earlier: list[Message]) -> Message | None:
    """The newest of theirs that has an answer: in a group one without may be to others."""
    answered = {each.reply_to_id for each in earlier if each.role == "assistant"}
    return next((each for each in theirs if each.id in answered), None)


def is_for_another(content: str, me: Person) -> bool:
    """Whether it is a command to another bot, as `/new@other_bot`."""
    words = content.split(maxsplit=1)
    name = words[0].partition("@")[2] if content.startswith("/") else ""
    return bool(name and me.username and name.lower() != me.username.lower())
