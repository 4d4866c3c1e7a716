"""A model's Markdown for the terminal, in pieces that are drawn one after the other, the finished ones for good."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import RenderableType
from rich.text import Text

from botcli.cli.elements import Code, CodeLine, Elements
from botcli.cli.output import printable

# HTML would be left out, and with it what is no HTML: List<String>. Likewise the address of a [1] that stands apart:
# the text that it belongs to is drawn by then
_INLINE: Final = MarkdownIt("commonmark").enable("strikethrough").disable("html_inline")
# what stands within the blocks is parsed when they are drawn: it takes the most time by far
_BLOCKS: Final = MarkdownIt("commonmark").enable("table").disable(["html_block", "reference", "inline"])
# below that no terminal has room for the text: it is shown as it was written
_DEEPEST: Final = 12
# likewise what is larger, so many characters: drawing stops the program, by then for half a second
_LARGEST: Final = 16_000
# and of what still grows, which is drawn again and again
_LARGEST_UNFINISHED: Final = 4_000
_LISTS: Final = {"bullet_list_open", "ordered_list_open"}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is drawn by itself: a block, an item of a list or a line of code. One that begins a block is set off."""

    drawn: RenderableType
    begins: bool = True
    is_code: bool = False


class _Block(NamedTuple):
    """A block, or an item of a list: its first line, its pieces, and the number of an item that has others above it."""

    line: int
    pieces: list[Piece]
    number: int | None = None


class Answer:
    """An answer that grows: what of it is finished, told once, and what the next words may still change."""

    def __init__(self) -> None:
        self._text = ""
        self._forget()

    def _forget(self) -> None:
        # where the last block or item begins, how many of its pieces were told, and the number of such an item
        self._begin = self._told = 0
        self._number: int | None = None

    def grow(self, text: str, *, is_whole: bool = False) -> tuple[list[Piece], list[Piece]]:
        """The pieces that are finished since the last call, and those that are not.

        A text that does not begin as the last one did is an answer of its own, below what was told.
        """
        text = printable(text)
        if not text.startswith(self._text[: self._begin]):
            self._forget()
        self._text = text
        # of a line without its end nobody knows whether it goes on with what stands above it
        end = len(text) if is_whole else text.rfind("\n") + 1
        rest = text[self._begin : end]
        blocks = list(_blocks(rest, self._number))
        pieces = [piece for block in blocks for piece in block.pieces]
        if is_whole:
            finished = pieces[self._told :]
            self._forget()
            self._begin = end
            return finished, []
        finished = pieces[self._told : -1]
        if blocks:
            last = blocks[-1]
            self._begin += sum(len(line) + 1 for line in rest.split("\n")[: last.line])
            self._told = max(len(last.pieces) - 1, self._told if len(blocks) == 1 else 0)
            self._number = last.number
        unfinished = _blocks(text[self._begin :], self._number, is_unfinished=True)
        return finished, [piece for block in unfinished for piece in block.pieces][self._told :]


def _blocks(markdown: str, number: int | None, *, is_unfinished: bool = False) -> Iterator[_Block]:
    """The outermost blocks; with a `number` the first begins with that item of a list which began before."""
    lines = markdown.split("\n")
    for block in _nested(_BLOCKS.parse(markdown), 0):
        first = block[0]
        if first.type == "fence":
            yield _Block(_place(block).start, _code(first))
        elif first.type in _LISTS:
            start = int(first.attrs.get("start", 1)) if number is None else number
            for place, item in enumerate(_nested(block[1:-1], 1)):
                tokens = [first.copy(attrs={"start": start + place}), *item, block[-1]]
                begins = number is None and not place
                piece = Piece(_drawn(tokens, lines[_place(item)], is_unfinished=is_unfinished), begins=begins)
                yield _Block(_place(item).start, [piece], None if begins else start + place)
        else:
            piece = Piece(_drawn(block, lines[_place(block)], is_unfinished=is_unfinished))
            yield _Block(_place(block).start, [piece])
        number = None


def _place(tokens: Sequence[Token]) -> slice:
    """The lines that they are of."""
    return slice(*(tokens[0].map or (0, 0)))


def _code(fence: Token) -> list[Piece]:
    code = Code(fence.info, fence.content, fence.markup)
    return [Piece(CodeLine(code, number), begins=not number, is_code=True) for number in range(len(code))]


def _drawn(tokens: Sequence[Token], lines: Sequence[str], *, is_unfinished: bool) -> RenderableType:
    """What is too large or too deep as it was written, and of it the end as long as it grows."""
    text = "\n".join(lines)
    if is_unfinished and len(text) > _LARGEST_UNFINISHED:
        return Text(text[-_LARGEST_UNFINISHED:])
    if len(text) > _LARGEST or max(token.level for token in tokens) > _DEEPEST:
        return Text(text)
    return _Element(tokens)


class _Element:
    """Tokens of blocks, whose texts are parsed when they are drawn."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens

    def __rich__(self) -> Elements:
        for token in self._tokens:
            if token.type == "inline":
                [parsed] = _INLINE.parseInline(token.content)
                token.children = list(_inline(parsed.children or ()))
        return Elements(self._tokens)


def _nested(tokens: Iterable[Token], level: int) -> Iterator[list[Token]]:
    """The tokens of each element of a level."""
    element: list[Token] = []
    for token in tokens:
        element.append(token)
        if token.level == level and token.nesting != 1:
            yield element
            element = []


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
