"""The formats that `botcli export` writes, message by message, in flat memory."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, BinaryIO, Final, Literal, Protocol

from botcli.transfer import lines
from botcli.transfer.reading import FIELDS
from botcore import Said

Format = Literal["jsonl", "csv", "markdown", "openai", "parquet"]

_NAMES: Final = tuple(each.name for each in fields(Said))
# a row group of 10,000 messages of 4,096 characters is some 40 MB
_ROW_GROUP: Final = 10_000
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Writer(Protocol):
    """What makes a format of messages in the order in which they come."""

    def write(self, said: Said, /) -> None:
        """Writes one."""

    def close(self) -> None:
        """Writes what is left, and leaves the file open."""


class Lines:
    """JSON Lines, which `botcli import` reads back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, said: Said) -> None:
        """A line."""
        self._file.write(lines.line(said))

    def close(self) -> None:
        """Nothing is left."""


class Csv:
    """Comma-separated values in UTF-8 under a line of names; None is nothing, and a text is as it was said."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._text)
        self._rows.writerow(_NAMES)

    def write(self, said: Said) -> None:
        """A row."""
        values = (getattr(said, name) for name in _NAMES)
        self._rows.writerow([each.isoformat() if isinstance(each, datetime) else each for each in values])

    def close(self) -> None:
        """Lets go of the file."""
        self._text.detach()


class Markdown:
    """A page for people: a heading a chat, a heading a day by UTC, each message quoted under who said it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._chat: tuple[Any, ...] | None = None
        self._day = ""

    def write(self, said: Said) -> None:
        """A message, with its headings where it is the first of them."""
        chat = (said.bot_id, said.telegram_chat_id, said.business_connection_id)
        text = ""
        if chat != self._chat:
            title = said.chat_title or (said.role == "user" and said.first_name) or f"Chat {said.telegram_chat_id}"
            text += f"{'' if self._chat is None else chr(10)}# {_inert(title)}\n\n"
            text += f"{said.chat_type} {said.telegram_chat_id} of bot {said.bot_id}\n"
            self._chat, self._day = chat, ""
        if self._day != (day := f"{said.sent_at:%Y-%m-%d}"):
            text += f"\n## {day}\n"
            self._day = day
        self._file.write((text + _quoted(said)).encode())

    def close(self) -> None:
        """Nothing is left."""


class Openai:
    """JSON Lines as OpenAI's chat format has them: a dialogue on each line, what was said without any text left out.

    Messages come dialogue by dialogue.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._dialogue: tuple[Any, ...] | None = None

    def write(self, said: Said) -> None:
        """A message of the line, or the beginning of the next one."""
        if not said.content:
            return
        dialogue = (
            said.bot_id, said.telegram_chat_id, said.business_connection_id, said.telegram_user_id,
            said.message_thread_id,
        )  # fmt: skip
        if dialogue == self._dialogue:
            before = ", "
        else:
            before = f'{"" if self._dialogue is None else self._END}{{"messages": ['
            self._dialogue = dialogue
        message = lines.json_text({"role": said.role, "content": said.content})
        self._file.write(f"{before}{message}".encode())

    def close(self) -> None:
        """Ends the last line."""
        if self._dialogue is not None:
            self._file.write(self._END.encode())

    _END: Final = "]}\n"


class Parquet:
    """A table of Said's fields, compressed, times in UTC; made by pyarrow."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._arrow = pa
        kinds = {"bigint": pa.int64(), "text": pa.string(), "timestamptz": pa.timestamp("us", tz="UTC")}
        self._schema = pa.schema([(name, kinds[FIELDS[name].type]) for name in _NAMES])
        self._table = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._columns: dict[str, list[Any]] = {name: [] for name in _NAMES}

    def write(self, said: Said) -> None:
        """A row; a group of them at a time is in the file."""
        for name, column in self._columns.items():
            column.append(getattr(said, name))
        if len(self._columns["id"]) == _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Writes the last group and the index of all."""
        self._flush()
        self._table.close()

    def _flush(self) -> None:
        self._table.write_table(self._arrow.table(self._columns, schema=self._schema))
        for column in self._columns.values():
            column.clear()


WRITERS: Final[dict[Format, Callable[[BinaryIO], Writer]]] = {
    "jsonl": Lines,
    "csv": Csv,
    "markdown": Markdown,
    "openai": Openai,
    "parquet": Parquet,
}


def _quoted(said: Said) -> str:
    speaker = {"assistant": "bot", "system": "system"}.get(said.role)
    name = speaker or " ".join(filter(None, (said.first_name, said.last_name))) or said.chat_title or "somebody"
    marks = [said.kind] * (said.kind != "text") + ["edited"] * bool(said.edited_at) + [said.delivery or ""]
    mark = "".join(f", {_inert(each)}" for each in marks if each)
    text = "".join(f"> {line}\n" for line in _inert(said.content, line_breaks=True).split("\n")) if said.content else ""
    return f"\n**{_inert(name)}** {said.sent_at:%H:%M}{mark}\n\n{text}"


def _inert(text: str, *, line_breaks: bool = False) -> str:
    """The text with no HTML in it, and nothing that a terminal obeys; on one line unless it may have several."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;")
    return _CONTROLS.sub(lambda match: "\n" if line_breaks and match[0] == "\n" else " ", shown)
