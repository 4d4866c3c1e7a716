"""What files of Telegram Desktop say in botcore's terms, and what in them cannot be stored."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcli.transfer import files
from botcli.transfer.mending import Mended
from botcli.transfer.reading import Batch
from botcore import InvalidInput, Said
from tests.archives import account, chat, message, write


def read(path: Path) -> Batch:
    """The file's only batch."""
    with files.opened(path) as source:
        [batch] = files.batches(source)
    return batch


def said(folder: Path, *messages: dict[str, Any], **changes: Any) -> list[Said]:
    """What a chat's messages say."""
    batch = read(write(folder, chat(*messages, **changes)))
    assert (batch.bad, batch.broken) == ([], None)
    return batch.said


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        ("personal_chat", 7, ("private", 7)),
        ("bot_chat", 8, ("private", 8)),
        ("saved_messages", 1, ("private", 1)),
        ("replies", 1271266957, ("private", 1271266957)),
        ("private_group", 5, ("group", -5)),
        ("private_supergroup", 5, ("supergroup", -1000000000005)),
        ("public_supergroup", 1234567890, ("supergroup", -1001234567890)),
        ("private_channel", 5, ("channel", -1000000000005)),
        ("public_channel", 2_000_000_000, ("channel", -1002000000000)),
    ],
)
def test_chat_has_the_id_of_the_bot_api(tmp_path: Path, kind: str, number: int, expected: tuple[str, int]) -> None:
    """Groups are negative, supergroups and channels below -10^12; all are of the archive's bot."""
    [one] = said(tmp_path, message(1), type=kind, id=number)

    assert (one.bot_id, one.chat_type, one.telegram_chat_id) == (-1, *expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (7, "Ada Lovelace", None)),
        ({"from": None}, (None, None, None)),
        ({"from": ..., "from_id": ...}, (None, None, None)),
        ({"from": "News", "from_id": "channel5"}, (None, None, -1000000000005)),
        ({"from": "Group", "from_id": "chat5"}, (None, None, -5)),
        ({"from_id": 7}, (7, "Ada Lovelace", None)),
        ({"from_id": (2 << 32) + 5}, (None, None, -1000000000005)),
        ({"type": "service", "actor": "Ada", "actor_id": "user7", "action": "pin_message"}, (7, "Ada", None)),
    ],
)
def test_author(tmp_path: Path, changes: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    """A person by their display name, a chat that speaks; nobody where an account was deleted."""
    [one] = said(tmp_path, message(1, **changes))

    assert (one.telegram_user_id, one.first_name, one.sender_chat_id) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "text"),
        ({"photo": "photos/1.jpg"}, "photo"),
        ({"file": "files/1.pdf"}, "document"),
        ({"file": "1.ogg", "media_type": "voice_message"}, "voice"),
        ({"file": "1.mp4", "media_type": "video_message"}, "video_note"),
        ({"file": "1.webp", "media_type": "sticker", "sticker_emoji": "👍"}, "sticker"),
        ({"poll": {"question": "?", "answers": [{"text": "yes"}]}}, "poll"),
        ({"location_information": {"latitude": 1.5, "longitude": 2.5}, "place_name": "Bar"}, "venue"),
        ({"type": "service", "actor_id": "user7", "action": "invite_members", "members": ["x"]}, "new_chat_members"),
        ({"type": "service", "actor_id": "user7", "action": "something_new"}, "something_new"),
    ],
)
def test_kind_is_the_bot_apis_word(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    """What was sent or happened has the name under which a bot would have stored it; what is newer keeps its own."""
    [one] = said(tmp_path, message(1, **changes))

    assert one.kind == expected


def test_text_of_pieces_is_one(tmp_path: Path) -> None:
    """A text of plain and marked pieces is what a reader sees."""
    pieces = ["see ", {"type": "text_link", "text": "this", "href": "https://example.com"}, " and ", ""]

    [one] = said(tmp_path, message(1, text=pieces))

    assert one.content == "see this and "


def test_times_are_those_of_unixtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local date of the machine that made the export counts only where there is no other; 1970 is no edit."""
    monkeypatch.setenv("TZ", "UTC")
    edited = {"edited": "1970-01-01T01:00:00"}

    first, second, third = said(
        tmp_path,
        message(1, date="2001-01-01T00:00:00"),
        message(2, date_unixtime=..., **edited),
        message(3, edited="x", edited_unixtime="1767268900"),
    )

    assert [each.sent_at.isoformat() for each in (first, second)] == [
        "2026-01-01T12:00:01+00:00",
        "2026-01-01T12:00:02+00:00",
    ]
    assert second.edited_at is None
    assert third.edited_at is not None
    assert third.edited_at.isoformat() == "2026-01-01T12:01:40+00:00"


def test_messages_of_the_group_that_a_supergroup_was(tmp_path: Path) -> None:
    """Telegram Desktop takes a billion from their ids; they are negated, as the bot has them, and so are replies."""
    shifted = 5 - 1_000_000_000

    old, reply, elsewhere = said(
        tmp_path,
        message(shifted),
        message(9, reply_to_message_id=shifted),
        message(10, reply_to_message_id=3, reply_to_peer_id="channel8"),
        type="private_supergroup",
    )

    assert (old.telegram_message_id, reply.reply_to_message_id, elsewhere.reply_to_message_id) == (-5, -5, None)


def test_account_has_the_messages_of_all_chats(tmp_path: Path) -> None:
    """Those that were left too; what else is in the file is passed over, and what has no more than an id left out."""
    group = chat(message(1), {"id": 2, "type": "unsupported"}, name="Engines", type="private_group", id=5)
    export = account(chat(message(1), message(2)), chat(), left=(group,))

    batch = read(write(tmp_path, export))

    assert [(one.telegram_chat_id, one.chat_title) for one in batch.said] == [(7, None), (7, None), (-5, "Engines")]
    assert (batch.left_out, batch.bad, batch.broken) == (1, [], None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "a\0b"}, "content holds a NUL character"),
        ({"text": 5}, "cannot be read"),
        ({"text": [{"type": "bold"}]}, "cannot be read"),
        ({"id": 2**70}, "telegram_message_id does not fit into 64 bits"),
        ({"id": "1"}, "cannot be read"),
        ({"id": ...}, "cannot be read"),
        ({"from": 5}, "first_name must be a str"),
        ({"from_id": "user"}, "cannot be read"),
        ({"date_unixtime": "99999999999999999"}, "cannot be read"),
        ({"date_unixtime": "soon"}, "cannot be read"),
        ({"type": ...}, "cannot be read"),
    ],
)
def test_bad_message_is_told_by_its_place(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """Its number in the file, its id and chat, and why; those around it are sound."""
    batch = read(write(tmp_path, chat(message(1), message(2, **changes), message(3))))

    [bad] = batch.bad
    assert bad.place.startswith("message 2 of the file, ")
    assert bad.place.endswith(" in chat 7")
    assert bad.reason.startswith(reason)
    assert [one.telegram_message_id for one in batch.said] == [1, 3]
    assert batch.before_bad == 1


@pytest.mark.parametrize("changes", [{"type": "a_new_type"}, {"type": None}, {"id": "7"}])
def test_chat_of_no_known_type_or_id(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Nobody knows where its messages belong: each is bad."""
    batch = read(write(tmp_path, chat(message(1), **changes)))

    assert ([bad.reason for bad in batch.bad], batch.said) == (["its chat has no known type and id before it"], [])


def test_every_cut_leaves_what_came_before(tmp_path: Path) -> None:
    """Wherever a file ends too early, the messages that ended before are read, and it is told that it broke off."""
    path = write(tmp_path, account(chat(message(1)), chat(message(2, text=["a", {"type": "bold", "text": "b"}]))))
    whole = path.read_bytes()

    for size in range(1, len(whole), 7):
        path.write_bytes(whole[:size])
        with files.opened(path) as source:
            batches = list(files.batches(source))
        numbers = [one.telegram_message_id for batch in batches for one in batch.said]
        assert numbers == [1, 2][: len(numbers)]
        assert str(batches[-1].broken).startswith(f"the file ends or is no JSON after message {len(numbers)}")
    assert [one.telegram_message_id for one in read(write(tmp_path, json.loads(whole))).said] == [1, 2]


@pytest.mark.parametrize("text", ["[]", '"text"', "{}", '{"about": "x"}', "5"])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    """JSON that is no export of Telegram Desktop is a mistake of whoever named the file."""
    path = tmp_path / "other.json"
    path.write_text(text)

    with pytest.raises(InvalidInput, match="no export of Telegram Desktop"):
        read(path)


def test_control_characters_as_telegram_desktop_writes_them(tmp_path: Path) -> None:
    r"""It writes U+001F as \x1F, others as it is: both come as what was meant, an escaped backslash stays."""
    path = write(tmp_path, chat(message(1, text="MARK")))
    path.write_bytes(path.read_bytes().replace(b"MARK", b'a\\x1Fb\\\\x1Fc\x1fd\\\\\\x0Ae\\"\\u2028'))

    [one] = read(path).said

    assert one.content == 'a\x1fb\\x1Fc\x1fd\\\ne"\u2028'


PIECES = st.sampled_from(
    ["\\x1F", "\\\\", "\\u2028", "\\ud83d\\ude00", "\\n", '\\"', "a", "é", "\x1f", "x1F", "u00", "\\xAB", "\\\\x1F"]
)


@given(st.lists(PIECES, max_size=12), st.integers(1, 9))
def test_mended_is_the_same_whatever_is_read_at_a_time(pieces: list[str], size: int) -> None:
    """No escape is torn where a block ends: in blocks the file is what it is as a whole, and JSON."""
    text = "".join(pieces).encode()
    mended, whole = Mended(io.BytesIO(text)), Mended(io.BytesIO(text))

    blocks = b"".join(iter(lambda: mended.read(size), b""))

    assert blocks == whole.read(1 << 16) + whole.read(1)
    json.loads(b'"' + blocks + b'"')
