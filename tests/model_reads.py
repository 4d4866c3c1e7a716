"""What reads give of the model's rows: nothing that is deleted."""

from dataclasses import dataclass, field
from typing import Any

from botcore import Totals
from tests.model_rows import Chat, Message, Person


@dataclass
class Reads:
    """The rows and what is read of them; each method is the call of that name, without pages."""

    people: list[Person] = field(default_factory=list)
    chats: list[Chat] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def live(self) -> list[Message]:
        """All live messages, oldest first."""
        return [message for message in self.messages if not message.deleted]

    def live_of(self, bot_id: int) -> list[Message]:
        """A bot's live messages."""
        return [message for message in self.live() if message.chat.key[0] == bot_id]

    def topic(self, chat: Chat, thread: int) -> list[Message]:
        """Everybody's live messages of a topic, oldest first."""
        return [m for m in self.live() if (m.chat, m.fields["message_thread_id"]) == (chat, thread)]

    def dialogue(self, chat: Chat, person: Person | None, thread: int) -> list[Message]:
        """A dialogue's live messages, oldest first; what has no person is in none."""
        key = (chat, person, thread)
        return [m for m in self.live() if person and (m.chat, m.person, m.fields["message_thread_id"]) == key]

    def window(
        self, messages: list[Message], *, max_messages: int, max_characters: int, is_original: bool
    ) -> list[dict[str, Any]]:
        """messages.window of a dialogue's messages."""
        system = [message for message in messages if message.fields["role"] == "system"]
        spoken = self._fitting(system, messages, {}, max_messages, max_characters, is_original=is_original)
        return [row for row, _ in spoken]

    def window_in_chat(
        self, messages: list[Message], *, max_messages: int, max_characters: int, is_original: bool
    ) -> list[tuple[dict[str, Any], str | None]]:
        """messages.window_in_chat of a topic's messages."""
        system = [message for message in messages if message.fields["role"] == "system" and not message.person]
        speakers = {m.id: m.person.names["first_name"] for m in messages if m.person and m.fields["role"] == "user"}
        return self._fitting(system, messages, speakers, max_messages, max_characters, is_original=is_original)

    @staticmethod
    def _fitting(
        system: list[Message],
        messages: list[Message],
        speakers: dict[int, str],
        max_messages: int,
        max_characters: int,
        *,
        is_original: bool,
    ) -> list[tuple[dict[str, Any], str | None]]:
        rest = [message for message in messages if message.fields["role"] != "system"][-max_messages:]
        said = [(m, m.texts[0 if is_original else -1], speakers.get(m.id)) for m in system[-1:] + rest]
        while said and sum(len(text[1]) + len(f"{name}: " if name else "") for _, text, name in said) > max_characters:
            # the oldest goes first, the system message last
            said.pop(1 if system and len(said) > 1 else 0)
        return [(message.seen(text), name) for message, text, name in said]

    def search(self, word: str, chat: Chat | None = None, person: Person | None = None) -> list[Message]:
        """messages.search for a word, newest first."""
        found = [message for message in reversed(self.live()) if word in message.texts[-1][1].split()]
        return [m for m in found if (chat or m.chat, person or m.person) == (m.chat, m.person)]

    @staticmethod
    def totals(messages: list[Message]) -> Totals:
        """stats.totals and stats.dialogue, of those messages."""
        roles = [message.fields["role"] for message in messages]
        sent = [message.fields["sent_at"] for message in messages]
        return Totals(
            people=len({message.person for message in messages} - {None}),
            chats=len({message.chat for message in messages}),
            system_messages=roles.count("system"),
            user_messages=roles.count("user"),
            assistant_messages=roles.count("assistant"),
            characters=sum(len(message.texts[-1][1]) for message in messages),
            first_at=min(sent, default=None),
            last_at=max(sent, default=None),
        )
