"""Telegram Desktop's export in JSON: one chat, or a whole account."""

from collections.abc import Iterator
from typing import Any, Final

import ijson

from botcli.transfer import telegram_message
from botcli.transfer.mending import Mended
from botcli.transfer.reading import Bad, Broken, Message, place
from botcore import InvalidInput

_BLOCK: Final = 1 << 16
_CLOSING: Final = {"end_map", "end_array"}
_OPENING: Final = {"start_map", "start_array"}

Events = Iterator[tuple[str, Any]]


def messages(file: Mended) -> Iterator[Message]:
    """Every message of every chat; raises Broken where the JSON is cut off or is none, InvalidInput where it is other.

    Its memory is that of one message, whatever the file has.
    """
    count, events = 0, ijson.basic_parse(file, buf_size=_BLOCK)
    try:
        for message in _all(events):
            count += 1
            yield message
    except (ijson.JSONError, RecursionError):
        # its text quotes the file
        raise Broken(f"the file ends or is no JSON after message {count:,}: what came before is sound") from None
    try:
        next(events, None)
    except ijson.JSONError:
        raise Broken(f"something follows the end of the JSON, after message {count:,}: it is not read") from None


def _all(events: Events) -> Iterator[Message]:
    if next(events)[0] != "start_map":
        raise InvalidInput("FILE", "is JSON, but no export of Telegram Desktop")
    yield from _chat(events, is_root=True)


def _chat(events: Events, *, is_root: bool = False) -> Iterator[Message]:
    """The messages of an object: of a chat, or of the chats in a whole account."""
    known: dict[str, Any] = {}
    has_messages = False
    for key, event, value in _members(events):
        if key == "messages" and event == "start_array":
            has_messages = True
            yield from _messages(events, known)
        elif is_root and key in {"chats", "left_chats"} and event == "start_map":
            has_messages = True
            yield from _chats(events)
        elif event in _OPENING:
            _skip(events)
        elif key in {"name", "type", "id"}:
            known[key] = value
    if is_root and not has_messages:
        raise InvalidInput("FILE", "is JSON, but no export of Telegram Desktop: it has neither messages nor chats")


def _chats(events: Events) -> Iterator[Message]:
    for key, event, _ in _members(events):
        if key == "list" and event == "start_array":
            for _ in _items(events):
                yield from _chat(events)
        elif event in _OPENING:
            _skip(events)


def _messages(events: Events, known: dict[str, Any]) -> Iterator[Message]:
    chat = telegram_message.chat(known)
    for event, value in _items(events):
        message = _message(events) if event == "start_map" else {"id": value}
        if chat:
            yield telegram_message.read(message, chat)
        else:
            yield Bad(place(message.get("id"), known.get("id")), "its chat has no known type and id before it")


def _members(events: Events) -> Iterator[tuple[str, str, Any]]:
    """An object's keys, each with what its value begins with; who gets one reads on to the value's end."""
    for event, key in events:
        if event == "end_map":
            return
        yield key, *next(events)


def _items(events: Events) -> Iterator[tuple[str, Any]]:
    """What an array's values begin with, likewise."""
    for event, value in events:
        if event == "end_array":
            return
        yield event, value


def _message(events: Events) -> dict[str, Any]:
    """A message's plain values and what it says; for of all the rest it only counts that it is there."""
    found: dict[str, Any] = {}
    for event, key in events:
        if event == "end_map":
            break
        begins, value = next(events)
        if begins not in _OPENING:
            found[key] = value
        elif key == "text":
            found[key] = _value(begins, value, events)
        else:
            found[key] = None
            _skip(events)
    return found


def _value(event: str, value: Any, events: Events) -> Any:
    if event == "start_map":
        return {key: _value(begins, value, events) for key, begins, value in _members(events)}
    if event == "start_array":
        return [_value(*item, events) for item in _items(events)]
    return value


def _skip(events: Events) -> None:
    depth = 1
    for event, _ in events:
        if event in _OPENING:
            depth += 1
        elif event in _CLOSING:
            depth -= 1
            if not depth:
                return
