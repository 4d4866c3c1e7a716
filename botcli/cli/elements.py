"""How the elements of Markdown look in the terminal, where they are not to look as rich has them."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, cast

from markdown_it.token import Token
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, HorizontalRule, ListElement, Markdown, TableElement
from rich.rule import Rule
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from botcli.cli.output import printable

# in the terminal's own colours, which fit its background
_THEME: Final = "ansi_dark"
_FENCE: Final = "bright_black"
# coloured anew with what came: enough for almost every comment and text that goes over several
_CONTEXT_LINES: Final = 100
_UNLIMITED: Final = 100_000

THEME: Final = Theme({"markdown.code": "bold cyan"})
"""Code within a line without the background that rich gives it."""


class Elements(Markdown):
    """Parsed Markdown, drawn."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        # without super's, which makes a parser
        self.parsed = list(tokens)
        self.markup, self.style, self.justify = "", "none", None
        self.code_theme = self.inline_code_theme = _THEME
        self.inline_code_lexer = None
        # an address that cannot be read could be any
        self.hyperlinks = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines without the one that rich sets lists and tables off by, and without the blanks at their ends.

        In a terminal that becomes narrower each of these would be a line of its own, and they would be copied.
        """
        drawn = cast("Iterable[Segment]", super().__rich_console__(console, options))
        for number, line in enumerate(Segment.split_lines(drawn)):
            if line or number:
                yield from _stripped(line)
                yield Segment.line()


def _stripped(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip(" "):
        line = line[:-1]
    return [*line[:-1], Segment(line[-1].text.rstrip(" "), line[-1].style)] if line else []


class Code:
    """Lines of code, not indented, so that they can be copied, between those of their fence."""

    def __init__(self, info: str, code: str, fence: str) -> None:
        self._language = printable(info).partition(" ")[0]
        self._lines = printable(code).removesuffix("\n").split("\n") if code else []
        self._fence = fence
        self._coloured: list[Text] = []
        self._first = 0

    def __len__(self) -> int:
        return len(self._lines) + 2 * bool(self._fence)

    def line(self, number: int) -> Text:
        """One line, coloured by those before it; of a block that grows, lines are asked for from the first."""
        if self._fence and number in {0, len(self) - 1}:
            return Text(self._fence if number else f"{self._fence}{self._language}", style=_FENCE)
        number -= bool(self._fence)
        if not self._coloured or number < self._first:
            self._first = max(0, number - _CONTEXT_LINES)
            code = "\n".join(self._lines[self._first :])
            coloured = Syntax("", self._language or "text", theme=_THEME).highlight(code)
            # the background of the theme
            coloured.style, coloured.no_wrap = "", False
            self._coloured = list(coloured.split("\n", allow_blank=True))
        return self._coloured[number - self._first]


class CodeLine:
    """A line of code that is coloured when it is drawn."""

    def __init__(self, code: Code, number: int) -> None:
        self._code, self._number = code, number

    def __rich__(self) -> Text:
        return self._code.line(self._number)


class _Code(CodeBlock):
    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> "_Code":
        code = cls(token.info, markdown.code_theme)
        code.fence = token.markup
        return code

    fence = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = Code(self.lexer_name, str(self.text), self.fence)
        for number in range(len(code)):
            line = code.line(number)
            line.overflow = "fold"
            yield line


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _Rule(HorizontalRule):
    new_line = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style="markdown.hr", characters="-")


class _List(ListElement):
    """Numbers as wide as two digits: its items stand below each other, though each is drawn by itself."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bullet = " - " if options.ascii_only else " • "
        for number, item in enumerate(self.items, self.list_start or 0):
            is_numbered = self.list_type == "ordered_list_open"
            mark = f"{number}. ".rjust(4) if is_numbered else bullet
            style = console.get_style("markdown.item.number" if is_numbered else "markdown.item.bullet", default="none")
            width = max(1, options.max_width - cell_len(mark))
            for line in console.render_lines(item.elements, options.update(width=width), style=item.style, pad=False):
                yield Segment(mark, style)
                yield from line
                yield Segment.line()
                mark = " " * len(mark)


class _Table(TableElement):
    """Too wide for the terminal it is a line for each value: columns of some letters cannot be read."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [cell.content for cell in self.header.row.cells] if self.header and self.header.row else []
        rows = [[cell.content for cell in row.cells] for row in self.body.rows] if self.body else []
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in names:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        if console.measure(table, options=options.update(max_width=_UNLIMITED)).minimum <= options.max_width:
            yield table
            return
        for number, row in enumerate(rows):
            yield from [Text()] * bool(number)
            yield from (
                Text.assemble((name.plain, "bold"), ": ", value) for name, value in zip(names, row, strict=True)
            )


Elements.elements = Markdown.elements | {
    "fence": _Code,
    "code_block": _Code,
    "heading_open": _Heading,
    "hr": _Rule,
    "bullet_list_open": _List,
    "ordered_list_open": _List,
    "table_open": _Table,
}
