"""Where answers come from: anything that makes one out of a window of the dialogue."""

from collections.abc import Sequence
from typing import Protocol

from botcore import Message


class Replier(Protocol):
    """What answers; it is called outside of any transaction and may take its time."""

    async def reply(self, window: Sequence[Message]) -> str:
        """The answer to the window's newest message; the window is oldest first, a system message before all.

        Where several people speak in it, what each said begins with a name: "Ada: Hello".
        """
        ...
