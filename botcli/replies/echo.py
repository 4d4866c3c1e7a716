"""The reply that needs no model."""

from collections.abc import Sequence

from botcore import Message


class Echo:
    """Says again what was said."""

    async def reply(self, window: Sequence[Message]) -> str:
        """The newest message as it is; a message larger than the window leaves the window empty."""
        return window[-1].content if window else "That is more than I can take in at once."
