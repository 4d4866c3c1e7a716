"""Where a person writes: lines with history, completion of commands, and Alt-Enter for one line more."""

from collections.abc import Iterable, Mapping, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


def open_prompt(said: Sequence[str], commands: Mapping[str, str]) -> PromptSession[str]:
    """The prompt, with what was said and the commands, with their descriptions.

    The history is of the database, not of a file: what /new or a deletion hid is gone from it at the next start.
    """
    session = PromptSession[str](
        history=InMemoryHistory(said),
        completer=Commands(commands),
        # else there would always be room for the menu below the prompt
        complete_while_typing=Condition(lambda: session.default_buffer.text.startswith("/")),
        multiline=True,
        prompt_continuation=lambda width, _, __: " " * width,
        key_bindings=_keys(),
        enable_suspend=True,
    )
    return session


class Commands(Completer):
    """Completes the first word after a slash."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002 - prompt_toolkit's signature
        """The commands that begin so."""
        written = document.text_before_cursor
        for name, description in self._commands.items():
            if written and f"/{name}".startswith(written.lower()):
                yield Completion(f"/{name}", start_position=-len(written), display_meta=description)


def _keys() -> KeyBindings:
    keys = KeyBindings()
    # not in the line of a search through the history
    writes = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=writes)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=writes)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
