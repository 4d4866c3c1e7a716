"""A person and the bot at a terminal: what is written, and the answers while they come."""

import asyncio
import signal
import sys
import termios
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, redirect_stderr, suppress
from itertools import cycle
from typing import Final

from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from botcli.cli import output
from botcli.cli.elements import THEME
from botcli.cli.live import Live
from botcli.cli.markdown import Answer, Piece
from botcli.cli.prompt import open_prompt
from botcli.terminal import Drawn, Said, Terminal
from botcore import BotcoreError

_FRAME_SECONDS: Final = 0.06
_WAITING: Final = [dots for dots in (".", "..", "...") for _ in range(6)]
_QUIET: Final = "bright_black"
# the one that has all others said in another language
_SETTINGS: Final = "/settings"


async def talk(terminal: Terminal, said: Sequence[Said] = ()) -> None:
    """Shows what was `said`, then answers what is written, until Ctrl-D; Ctrl-C clears the line or stops the answer."""
    console = Console(theme=THEME, highlight=False)
    for each in said:
        console.print(Text(each.text, style=_QUIET))
    commands = await terminal.commands()
    session = open_prompt(await terminal.said(), commands)
    prompt = FormattedText([("bold", f"{terminal.conversation.title or ''}> ")])
    with _unseen_keys(), _ctrl_c_spares_the_program():
        while True:
            try:
                # log lines go above the prompt, unless they go elsewhere anyway
                with patch_stdout(raw=True) if sys.stderr.isatty() else nullcontext():
                    line = await session.prompt_async(prompt)
            except KeyboardInterrupt:
                if not session.default_buffer.text:
                    console.print("Ctrl-D leaves.", style=_QUIET)
            except EOFError:
                return
            else:
                if line.strip():
                    await _answer(console, terminal, line)
                if line.strip().lower().startswith(_SETTINGS):
                    with suppress(BotcoreError):
                        commands |= await terminal.commands()


async def _answer(console: Console, terminal: Terminal, line: str) -> None:
    page = _Page(console)
    try:
        async with page.drawn():
            said = await _say(terminal, line, page.hear)
    except BotcoreError as error:
        page.end()
        console.print(Text(f"botcli: {error}", style="red"), soft_wrap=True)
    else:
        page.end(said or ())
        if said is None:
            console.print("Stopped. /retry asks again.", style=_QUIET)
    console.print()


class _Page:
    """An answer on the screen, with dots until its first word comes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console)
        self._answer = Answer()
        self._heard = ""

    def hear(self, text: str) -> None:
        """Takes the answer so far; it is drawn a moment later."""
        self._heard = text

    @asynccontextmanager
    async def drawn(self) -> AsyncIterator[None]:
        """Draws for as long as the block runs, in which log lines come to stand above the answer."""
        drawing = asyncio.create_task(self._draw())
        try:
            with redirect_stderr(self._live) if sys.stderr.isatty() else nullcontext():
                yield
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing

    def end(self, said: Sequence[Said] = ()) -> None:
        """Draws the rest of the answer, and what else was said; without either what was heard of it."""
        answer = next((each.text for each in said if each.is_answer), self._heard)
        finished, _ = self._answer.grow(answer, is_whole=True)
        texts = [Piece(Text(output.printable(each.text)), is_code=True) for each in said if not each.is_answer]
        self._live.draw([*finished, *texts])

    async def _draw(self) -> None:
        loop, drawn = asyncio.get_running_loop(), ""
        for dots in cycle(_WAITING):
            began = loop.time()
            if not self._heard:
                self._live.draw((), [Piece(Text(dots, style=_QUIET))])
            elif drawn != self._heard:
                drawn = self._heard
                self._live.draw(*self._answer.grow(drawn))
            # a long table takes its time, and the answer has to be read meanwhile
            await asyncio.sleep(max(_FRAME_SECONDS, loop.time() - began))


async def _say(terminal: Terminal, line: str, heard: Drawn) -> list[Said] | None:
    """What the bot says, as far as it had come at Ctrl-C; None where that ended something else."""
    saying = asyncio.ensure_future(terminal.say(line, heard))

    is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        # somebody presses the keys twice: what was said is to be stored
        is_stopped = terminal.stop() or is_stopped
        if not is_stopped:
            saying.cancel()

    # it stays, and then does nothing
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    await asyncio.wait([saying])
    return None if saying.cancelled() else saying.result()


@contextmanager
def _ctrl_c_spares_the_program() -> Iterator[None]:
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


@contextmanager
def _unseen_keys() -> Iterator[None]:
    """Keeps what is typed meanwhile out of the answer; the prompt, which has an echo of its own, shows it then."""
    before = termios.tcgetattr(sys.stdin)
    # Ctrl-C, which ends an answer, would drop what was typed until then
    unseen = [*before[:3], before[3] & ~termios.ECHO | termios.NOFLSH, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
