"""A model's Markdown in the terminal: whatever it says, while it comes and when it is whole."""

import io
import random
import sys

import pytest
from rich.console import Console

from botcli.cli.elements import THEME
from botcli.cli.live import Live
from botcli.cli.markdown import Answer, Piece
from tests.botcli.screens import Screen

_ANSWER = """\
# Title

Some **words**, `code`, List<String>, [a link](https://example.org/a), https://example.org and <https://example.org>
on two lines. ![A cat](https://example.org/cat.png)

- one
- two 漢字 😀
  1. nested

9. nine
1. ten

   ```python
   def f(): ...
   ```

> quoted

| Name | Value |
|------|------:|
| a    |     1 |

---

```python
def f(x):
\treturn x
```

[1]: https://example.org
"""
_DRAWN = """\
Title

Some words, code, List<String>, a link (https://example.org/a),
https://example.org and https://example.org
on two lines. A cat (https://example.org/cat.png)

 • one
 • two 漢字 😀
    1. nested

 9. nine
10. ten
    ```python
    def f(): ...
    ```

▌ quoted

Name   Value
────────────
a          1

------------------------------------------------------------------------

```python
def f(x):
    return x
```

[1]: https://example.org
"""

_TABLE = "| x | y |\n|---|---|\n"


def drawn(pieces: list[Piece], width: int = 72) -> str:
    """The pieces in a terminal of that width, without colours."""
    console = Console(file=io.StringIO(), width=width, theme=THEME, highlight=False)
    Live(console).draw(pieces)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_answer_as_a_whole() -> None:
    """Each element looks like itself, nothing is left out, and no line ends with blanks."""
    finished, unfinished = Answer().grow(_ANSWER, is_whole=True)

    assert drawn(finished) == _DRAWN
    assert unfinished == []


@pytest.mark.parametrize("most", [1, 5, 40])
def test_answer_that_comes_in_parts(most: int) -> None:
    """What was told to be finished is what the whole answer has there, however it is cut."""
    chance, answer, told, end = random.Random(most), Answer(), list[Piece](), 0  # noqa: S311 - no secret
    while end < len(_ANSWER):
        end += chance.randint(1, most)
        finished, unfinished = answer.grow(_ANSWER[:end])
        told += finished
        assert drawn([*told, *unfinished])
    finished, _ = answer.grow(_ANSWER, is_whole=True)

    assert len(told) > 10
    assert drawn([*told, *finished]) == _DRAWN


def test_answer_that_begins_anew() -> None:
    """Another answer than the one that was told in part is drawn as a whole, below it."""
    answer = Answer()
    told, _ = answer.grow("One\n\nTwo\n\nThree\n")

    finished, _ = answer.grow("Something else", is_whole=True)

    assert drawn(told + finished) == "One\n\nTwo\n\nSomething else\n"


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("\x1b]0;title\x07 \r &#13; \x9b31m", "\\x1b]0;title\\x07 \\x0d \\x0d \\x9b31m\n"),
        ("```\x1b[2J &#27;\n\x1b[31m\n```", "```\\x1b[2J\n\\x1b[31m\n```\n"),
        ("\u202egpj.\u200f `\u2066` &#x2066;", "\\u202egpj.\\u200f \\u2066 \\u2066\n"),
        (">" * 30 + " deep", ">" * 30 + " deep\n"),
        ("- " * 20 + "deep", "- " * 20 + "deep\n"),
        (_TABLE + "| *a* | b |\n" * 1_500, _TABLE + "| *a* | b |\n" * 1_500),
        ("", ""),
    ],
    ids=["controls", "controls in code", "turns", "quotes", "lists", "a large table", "nothing"],
)
def test_answer_with(markdown: str, expected: str) -> None:
    """Nothing commands the terminal, and what nests too deeply or is too large is shown as it was written."""
    finished, _ = Answer().grow(markdown, is_whole=True)

    assert drawn(finished) == expected


@pytest.mark.parametrize(
    ("begin", "line"),
    [("", "- an **item**\n"), ("", "3. an **item**\n"), (_TABLE, "| a **b** | c `d` |\n"), ("", "a **b** `c`\n")],
    ids=["list", "numbered list", "table", "paragraph"],
)
def test_answer_of_many_lines(begin: str, line: str) -> None:
    """Its next words take no longer behind a thousand lines than behind a hundred: nothing else is done meanwhile."""
    few, many = calls(begin + line * 100), calls(begin + line * 1_000)

    assert many < 2 * few


def calls(text: str) -> int:
    """How many functions are called, however fast the machine is, to draw one word more."""
    live, answer, count = Live(Console(file=io.StringIO(), width=72, height=24, theme=THEME)), Answer(), 0
    live.draw(*answer.grow(text))

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        live.draw(*answer.grow(f"{text}word"))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("width", [1, 7, 20])
def test_answer_in_a_narrow_terminal(width: int) -> None:
    """No letter is lost, however narrow it is, and a table that has no room becomes a line for each value."""
    finished, _ = Answer().grow(f"{_ANSWER}\n\n| a | b | c |\n|-|-|-|\n| {'x' * 20} | {'y' * 20} | z |", is_whole=True)
    text = drawn(finished, width)

    letters = "".join(text.split())
    assert "".join(f"a: {'x' * 20} b: {'y' * 20} c: z".split()) in letters
    assert "List<String>" in letters


def test_live_draws_each_line_once() -> None:
    """An answer of blocks that are higher than the screen stands there as if it had come at once."""
    rows = "".join(f"| {number} | {'text ' * 12}|\n" for number in range(20))
    text = f"{_ANSWER}\n\n| number | text |\n|---|---|\n{rows}\n" + "\n".join(f"{n}. item" for n in range(1, 20))
    console = Console(file=io.StringIO(), width=72, height=12, force_terminal=True, color_system=None, _environ={})
    live, answer, screen, end = Live(console), Answer(), Screen(72, 12), 0
    while end < len(text):
        end += 9
        live.draw(*answer.grow(text[:end]))
        shown, word = "".join(screen_of(console, screen)), text[:end].split()[-1]
        assert word in shown or not word.isalnum()
    live.write("a log line\n")
    live.draw(answer.grow(text, is_whole=True)[0])

    lines = screen_of(console, screen)
    assert lines.count("a log line") == 1
    assert [line for line in lines if line != "a log line"] == drawn(Answer().grow(text, is_whole=True)[0]).split("\n")


def screen_of(console: Console, screen: Screen) -> list[str]:
    """The lines after what the console wrote since the last call."""
    assert isinstance(console.file, io.StringIO)
    screen.send(console.file.getvalue())
    console.file = io.StringIO()
    return screen.lines
