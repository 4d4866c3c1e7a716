"""A model's Markdown for the terminal, in pieces that are drawn one after the other, the finished ones for good."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import RenderableType
from rich.text import Text

from botcli.cli.elements import Code, CodeLine, Elements
from botcli.cli.output import printable

# HTML would be left out, and with it what is no HTML: List<String>. Likewise the address of a [1] that stands apart:
# the text that it belongs to is drawn by then
_PARSER: Final = (
    MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(["html_block", "html_inline", "reference"])
)
# below that no terminal has room for the text: it is shown as it was written
_DEEPEST: Final = 12
_LISTS: Final = {"bullet_list_open", "ordered_list_open"}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is drawn by itself: a block, an item of a list or a line of code. One that begins a block is set off."""

    drawn: RenderableType
    begins: bool = True
    is_code: bool = False


class Answer:
    """An answer that grows: what of it is finished, told once, and what the next words may still change."""

    def __init__(self) -> None:
        self._text = ""
        # where the last block begins, and how many of its pieces were told
        self._begin = self._told = 0

    def grow(self, text: str, *, is_whole: bool = False) -> tuple[list[Piece], list[Piece]]:
        """The pieces that are finished since the last call, and those that are not.

        A text that does not begin as the last one did is an answer of its own, below what was told.
        """
        text = printable(text)
        if not text.startswith(self._text[: self._begin]):
            self._begin = self._told = 0
        self._text = text
        # of a line without its end nobody knows whether it goes on with what stands above it
        end = len(text) if is_whole else text.rfind("\n") + 1
        rest = text[self._begin : end]
        blocks = list(_blocks(rest))
        pieces = [piece for _, block in blocks for piece in block]
        if is_whole:
            finished, self._begin, self._told = pieces[self._told :], end, 0
            return finished, []
        finished = pieces[self._told : -1]
        if blocks:
            first_line, block = blocks[-1]
            self._begin += sum(len(line) + 1 for line in rest.split("\n")[:first_line])
            self._told = max(len(block) - 1, self._told if len(blocks) == 1 else 0)
        return finished, [piece for _, block in _blocks(text[self._begin :]) for piece in block][self._told :]


def _blocks(markdown: str) -> Iterator[tuple[int, list[Piece]]]:
    """The pieces of each outermost block, and the line that it begins in."""
    tokens = _PARSER.parse(markdown)
    for token in tokens:
        if token.children:
            token.children = list(_inline(token.children))
    lines = markdown.split("\n")
    for block in _nested(tokens, 0):
        begin, end = block[0].map or (0, 0)
        if max(token.level for token in block) > _DEEPEST:
            yield begin, [Piece(Text("\n".join(lines[begin:end])))]
        else:
            yield begin, list(_pieces(block))


def _nested(tokens: Iterable[Token], level: int) -> Iterator[list[Token]]:
    """The tokens of each element of a level."""
    element: list[Token] = []
    for token in tokens:
        element.append(token)
        if token.level == level and token.nesting != 1:
            yield element
            element = []


def _pieces(block: Sequence[Token]) -> Iterator[Piece]:
    first, last = block[0], block[-1]
    if first.type == "fence":
        code = Code(first.info, first.content, first.markup)
        yield from (Piece(CodeLine(code, number), begins=not number, is_code=True) for number in range(len(code)))
    elif first.type in _LISTS:
        start = int(first.attrs.get("start", 1))
        for number, item in enumerate(_nested(block[1:-1], 1)):
            opening = first.copy(attrs={"start": start + number})
            yield Piece(Elements([opening, *item, last]), begins=not number)
    else:
        yield Piece(Elements(block))


def _inline(tokens: Sequence[Token]) -> Iterator[Token]:
    """The same with every end of a line kept, pictures by their names, and each address said once."""
    for number, token in enumerate(tokens):
        match token.type:
            case "softbreak":
                yield token.copy(type="hardbreak")
            case "image":
                picture = f"{token.content} ({token.attrs.get('src', '')})".lstrip()
                yield token.copy(type="text", tag="", children=None, content=printable(picture))
            case "link_open" | "link_close" if _shows_its_address(tokens, number):
                pass
            case _:
                # an entity can be a control character
                yield token.copy(content=printable(token.content))


def _shows_its_address(tokens: Sequence[Token], number: int) -> bool:
    """Whether the link that begins or ends there says nothing else."""
    begin = next(i for i in range(number, -1, -1) if tokens[i].type == "link_open")
    end = next(i for i in range(number, len(tokens)) if tokens[i].type == "link_close")
    shown = "".join(token.content for token in tokens[begin + 1 : end])
    return tokens[begin].info == "auto" or shown == tokens[begin].attrs.get("href")
