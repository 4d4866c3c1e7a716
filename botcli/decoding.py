"""JSON from Telegram as aiogram can take it: one update that is newer than aiogram must not stop all others."""

import json
import logging
from typing import Any, Final

from aiogram.types import Update
from pydantic import ValidationError

RAW_BLOCKS: Final = "raw_blocks"
"""The field of a rich message that holds its blocks as they came."""

# without one of these a message would be somebody else's, or elsewhere
_IDENTITY: Final = {"from", "sender_chat", "business_connection_id", "message_thread_id", "is_topic_message"}

_log = logging.getLogger(__name__)


def loads(text: str | bytes) -> Any:
    """What `json.loads` gives, for aiogram's `json_loads`: rich messages aside, updates less what is unreadable.

    A field that aiogram cannot read, as one with a newer kind of content, is left out and named in the log. Where the
    rest is no message either, what is left is an update of no known kind.
    """
    return json.loads(text, object_hook=_readable)


def _readable(given: dict[str, Any]) -> dict[str, Any]:
    if isinstance(rich := given.get("rich_message"), dict):
        # aiogram tries 26 types at each level of a text: five levels took it 10 s, a sixth 4 minutes
        given["rich_message"] = {"blocks": [], RAW_BLOCKS: rich.get("blocks")}
    if isinstance(given.get("update_id"), int):
        while places := _unreadable(given):
            for place in places:
                _leave_out(given, *place)
    return given


def _unreadable(update: dict[str, Any]) -> set[tuple[str, str]]:
    try:
        Update.model_validate(update)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        # the field's name comes second; the event itself may be none
        return {(str(place[0]), str(place[1]) if len(place) > 1 else "") for place in (each["loc"] for each in found)}
    return set()


def _leave_out(update: dict[str, Any], kind: str, field: str) -> None:
    event = update.get(kind)
    if isinstance(event, dict) and field in event and field not in _IDENTITY:
        del event[field]
    elif kind in update:
        del update[kind]
        update[f"unreadable {kind}"] = {}
    _log.warning("left out what this version cannot read", extra={"kind": kind, "field": field})
