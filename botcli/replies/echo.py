"""The reply that needs no model."""

from collections.abc import Sequence

from botcore import Message


class Echo:
    """Says again what was said."""

    async def reply(self, window: Sequence[Message]) -> str:
        """The newest message as it is; a message larger than the window leaves the window empty."""
        is_whole = window and window[-1].role == "user"
        return window[-1].content if is_whole else "That is more than I can take in at once."
