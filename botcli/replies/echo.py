"""The reply that needs no model."""

from collections.abc import Sequence

from botcli.replies import Heard, Reply, TooLong, ignore
from botcore import Message


class Echo:
    """Says again what was said."""

    async def reply(self, window: Sequence[Message], heard: Heard = ignore) -> Reply:
        """The newest message as it is; a message larger than the window leaves the window empty."""
        if not window or window[-1].role != "user":
            raise TooLong
        heard(window[-1].content)
        return Reply(window[-1].content)
