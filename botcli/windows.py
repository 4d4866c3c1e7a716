"""What a replier is given of a conversation: in a group the person's part of it, or everybody's."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from aiogram.types import Message

from botcli.middleware import Dialogue
from botcore import Database, Spoken
from botcore import Message as Stored

_NOBODY: Final = "Somebody"


@dataclass(frozen=True, slots=True)
class Windows:
    """The settings GROUP_WINDOW and WINDOW_VERSIONS, and the windows that they make."""

    group: Literal["person", "chat"] = "person"
    versions: Literal["newest", "original"] = "newest"

    async def read(self, database: Database, message: Message, dialogue: Dialogue) -> list[Stored]:
        """The dialogue's window, or its topic's with who spoke before each text, where that is shared."""
        if not self.is_shared(message):
            return await database.messages.window(**dialogue, versions=self.versions)
        window = await database.messages.window_in_chat(
            chat_id=dialogue["chat_id"], message_thread_id=dialogue["message_thread_id"], versions=self.versions
        )
        return [_named(spoken) for spoken in window]

    def is_shared(self, message: Message) -> bool:
        """Whether the window where this was said is everybody's; in a private or business chat it never is."""
        return self.group == "chat" and message.chat.type in {"group", "supergroup"}


DEFAULT: Final = Windows()


def _named(spoken: Spoken) -> Stored:
    if spoken.message.role != "user":
        return spoken.message
    # on one line: a name with a line break could speak as somebody else
    name = " ".join((spoken.speaker or "").split()) or _NOBODY
    content = f"{name}: {spoken.message.content}"
    return replace(spoken.message, content=content, length=len(content))
