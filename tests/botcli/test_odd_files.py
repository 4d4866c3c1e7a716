"""Files that nobody meant to be so: what begins, ends or goes on otherwise, and what would stop or fool a reader."""

import json
import os
import subprocess
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from botcli.transfer import files
from botcore import InvalidInput
from tests.archives import chat, message, write
from tests.botcli.test_lines import LINE
from tests.botcli.test_reading import read


def line(**changes: Any) -> bytes:
    """A message of ours, with a number alone for its names' order: changes come first."""
    return json.dumps(changes | {name: value for name, value in LINE.items() if name not in changes}).encode() + b"\n"


@pytest.mark.parametrize("number", ["9" * 5_000, "1e40000000", "-1e-99999999999999999999", "0." + "1" * 100])
@pytest.mark.parametrize("name", ["id", "unknown"])
def test_number_that_no_parser_ends(tmp_path: Path, number: str, name: str) -> None:
    """It is told where it stands, all before it is read; the same digits in a text are a text."""
    text = f'"{number}: 9'
    path = write(tmp_path, chat(message(1, text=text), message(2, **{name: "HERE"})))
    whole = path.read_text().replace('"HERE"', number)
    path.write_text(whole)

    batch = read(path)

    assert [each.content for each in batch.said] == [text]
    assert batch.broken
    place = len(whole[: whole.rindex(number)].encode())
    assert str(batch.broken).startswith(f"a number at byte {place:,} of the file is too long")


@pytest.mark.parametrize(
    "changes",
    [
        {"from_id": 3 << 32}, {"from_id": -1}, {"from_id": "robot5"}, {"id": 1.5}, {"id": "\x1b]0;canary\7"},
        {"id": "canary"}, {"text": {"canary": "x"}}, {"type": "service", "action": "x\n# canary"},
        {"media_type": "a" * 65},
    ],
)  # fmt: skip
def test_what_is_bad_is_told_by_numbers(tmp_path: Path, changes: dict[str, Any]) -> None:
    """An author of no kind, an id that is none, a kind that is no word: never by what the file says."""
    batch = read(write(tmp_path, chat(message(1, **changes))))

    [bad] = batch.bad
    assert batch.said == []
    assert "canary" not in bad.place + bad.reason
    assert bad.place.isprintable()


@pytest.mark.parametrize(
    "changes", [{"telegram_message_id": "\x1b[2Jcanary"}, {"telegram_message_id": 10**4_000}, {"kind": "x](canary)"}]
)
def test_bad_line_is_told_by_numbers(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Of JSON Lines, too; and a number of thousands of digits is not shown."""
    path = tmp_path / "bad.jsonl"
    path.write_bytes(line(**changes))

    [bad] = read(path).bad

    assert "canary" not in bad.place + bad.reason
    assert len(bad.place) < 100


def test_format_is_known_by_what_a_file_begins_with(tmp_path: Path) -> None:
    """After blank lines, a mark of UTF-8, or a text that is longer than what is looked at."""
    path = tmp_path / "file"
    document = write(tmp_path, chat(message(1, text="Hello"))).read_bytes()
    for beginning in (b"", b"\n \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"):
        for contents in (document, line(), line(content="Hello" + " " * 5_000), line(id=5)):
            path.write_bytes(beginning + contents)

            batch = read(path)

            assert [each.content.rstrip() for each in batch.said] == ["Hello"]
            assert (batch.broken, batch.position) == (None, path.stat().st_size)


@pytest.mark.parametrize(("contents", "reason"), [(b"", "empty"), (b" \n", "empty"), ("{}".encode("utf-16"), "UTF-16")])
def test_file_of_nothing_is_refused(tmp_path: Path, contents: bytes, reason: str) -> None:
    """So is one in UTF-16, as a shell of Windows writes it, and a folder."""
    path = tmp_path / "file"
    path.write_bytes(contents)

    with pytest.raises(InvalidInput, match=reason):
        read(path)
    with pytest.raises(InvalidInput, match="is a folder"):
        read(tmp_path)


@pytest.mark.parametrize("end", ["x", "{}", '\n{"name"'])
def test_what_follows_the_document_is_told(tmp_path: Path, end: str) -> None:
    """All of the document is read; blanks behind it are nothing."""
    path = write(tmp_path, chat(message(1)))
    whole = path.read_text()

    path.write_text(whole + end)
    followed = read(path)
    path.write_text(whole + " \n")
    alone = read(path)

    assert (len(followed.said), len(alone.said), alone.broken) == (1, 1, None)
    assert "something follows the end of the JSON, after message 1" in str(followed.broken)


def test_line_of_many_megabytes_is_read_in_one_go() -> None:
    """Each block is looked at once: of a line twice as long reading takes twice as long, not four times."""
    times = []
    for megabytes in (32, 128):
        reader, writer = os.pipe()
        with subprocess.Popen(["head", "-c", f"{megabytes}M", "/dev/zero"], stdout=writer):
            os.close(writer)
            source = files.Source(reader)
            began = process_time()
            assert sum(map(len, source)) == megabytes << 20
            times.append(process_time() - began)
            source.close()

    assert times[1] < times[0] * 10
