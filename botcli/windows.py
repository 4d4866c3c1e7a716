"""What a replier is given of a conversation: in a group the person's part of it, or everybody's."""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self

from aiogram.types import Message

from botcli.incoming import GROUPS
from botcli.middleware import Dialogue
from botcli.settings import BotSettings
from botcore import Database, InvalidInput, Spent, Spoken
from botcore import Message as Stored

_NOBODY: Final = "Somebody"
# the rest of what a model takes in is for its answer
_INPUT_SHARE: Final = 0.75
# characters of a token: about 4 in English, 2 in Russian, 1 in Chinese; a guess that weighs as much as so many tokens
_GUESS: Final = 2.0
_GUESS_TOKENS: Final = 1_000
# a server that does not count what it has in its cache would have the window grow without an end
_MOST_CHARACTERS: Final = 5.0
# of the tokens, in characters: what a template adds to each short question would have it shrink to nothing
_LEAST_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Windows:
    """The settings GROUP_WINDOW, WINDOW_*, LLM_CONTEXT_TOKENS, and the windows that they make.

    With `context_tokens` how many characters that are follows from what the server counted so far of the person's.
    """

    group: Literal["person", "chat"] = "person"
    versions: Literal["newest", "original"] = "newest"
    max_messages: int = 100
    max_characters: int = 16_000
    context_tokens: int | None = None
    prompt_characters: int = 0

    @classmethod
    def of(cls, settings: BotSettings, prompt_characters: int = 0) -> Self:
        """The windows of these settings, smaller by the prompt; raises InvalidInput where that leaves nothing."""
        windows = cls(
            settings.group_window,
            settings.window_versions,
            settings.window_messages,
            settings.window_characters,
            settings.llm_context_tokens,
            prompt_characters,
        )
        if prompt_characters and windows.room() < 1:
            wider = "LLM_CONTEXT_TOKENS" if settings.llm_context_tokens else "WINDOW_CHARACTERS"
            reason = f"has {prompt_characters:,} characters, which leaves no room for a dialogue: raise {wider}"
            raise InvalidInput("LLM_SYSTEM_PROMPT_FILE", reason)
        return windows

    async def read(
        self, database: Database, message: Message, dialogue: Dialogue, last_id: int, spent: Spent | None = None
    ) -> list[Stored]:
        """The dialogue's window up to that id, or its topic's with who spoke before each text, where that is shared."""
        bounds: dict[str, Any] = {
            "before_id": last_id + 1,
            "max_messages": self.max_messages,
            "max_characters": self.characters(spent),
            "versions": self.versions,
        }
        if not self.is_shared(message):
            return await database.messages.window(**dialogue, **bounds)
        window = await database.messages.window_in_chat(
            chat_id=dialogue["chat_id"], message_thread_id=dialogue["message_thread_id"], **bounds
        )
        return [_named(spoken) for spoken in window]

    def characters(self, spent: Spent | None = None) -> int:
        """How many a window has; `spent` is the person's."""
        return max(1, int((self.context_tokens or 0) * _LEAST_SHARE), self.room(spent))

    def room(self, spent: Spent | None = None) -> int:
        """How many characters are left beside the prompt."""
        if self.context_tokens is None:
            return self.max_characters - self.prompt_characters
        read, tokens = (spent.input_characters, spent.input_tokens) if spent else (0, 0)
        of_a_token = (read + _GUESS * _GUESS_TOKENS) / (tokens + _GUESS_TOKENS)
        return int(self.context_tokens * _INPUT_SHARE * min(_MOST_CHARACTERS, of_a_token)) - self.prompt_characters

    def is_shared(self, message: Message) -> bool:
        """Whether the window where this was said is everybody's; in a private or business chat it never is."""
        return self.group == "chat" and message.chat.type in GROUPS


DEFAULT: Final = Windows()


def _named(spoken: Spoken) -> Stored:
    if spoken.message.role != "user":
        return spoken.message
    # on one line: a name with a line break could speak as somebody else
    name = " ".join((spoken.speaker or "").split()) or _NOBODY
    content = f"{name}: {spoken.message.content}"
    return replace(spoken.message, content=content, length=len(content))
