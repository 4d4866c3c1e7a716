"""Where answers come from: anything that makes one out of a window of the dialogue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from botcli.sentences import later
from botcore import BotcoreError, Message

Kind = Literal[
    "timeout",
    "rate_limit",
    "refused",
    "empty",
    "too_long",
    "unavailable",
    "rejected",
    "server",
    "connection",
    "malformed",
]
"""Why there is no answer."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer cost, as the model's server counted, and the characters of what the model read."""

    read: int
    written: int
    characters: int


Cut = Literal["room", "time", "fault", "stop"]
"""Why an answer is not all: there was no room or no time for more, the server failed, the person stopped it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or the beginning of one that was `cut`. Without `tokens` nobody counted them."""

    text: str = field(repr=False)
    tokens: Tokens | None = None
    cut: Cut | None = None


class NoReply(BotcoreError):
    """There is no answer: `sentence` says why to the person, `kind` to whoever counts; neither quotes the dialogue.

    The sentence is translated where it is said, then filled with `fields`. Where asking again can help, `can_retry`
    says so. `tokens` are what it cost nevertheless.
    """

    kind: ClassVar[Kind]
    sentence: str
    fields: Mapping[str, int] = {}
    can_retry: ClassVar[bool] = True

    def __init__(self, tokens: Tokens | None = None) -> None:
        super().__init__(f"no reply: {self.kind}")
        self.tokens = tokens


class TooLong(NoReply):
    """The question leaves no room in the window, or does not fit into the model."""

    kind = "too_long"
    sentence = later("That is more than I can take in at once.")
    can_retry = False


Heard = Callable[[str], None]
"""Is told an answer while it is made: each part as it came, see `hearing.told`. It neither waits nor raises."""


def ignore(_: str) -> None:
    """For who only wants the whole answer."""


class Replier(Protocol):
    """What answers; it is called outside of any transaction and may take its time."""

    async def reply(self, window: Sequence[Message], heard: Heard = ignore, /) -> Reply:
        """The answer to the window's newest message; the window is oldest first, a system message before all.

        Where several people speak in it, what each said begins with a name: "Ada: Hello". One that comes as a whole
        need not be heard before. Raises NoReply, whatever was heard.
        """
        ...
