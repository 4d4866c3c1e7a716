"""What answers by the settings, with the windows that it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botcli.replies import Replier
from botcli.replies.echo import Echo
from botcli.replies.settings import model_settings
from botcli.settings import BotSettings
from botcli.windows import Windows


@asynccontextmanager
async def open_replier(settings: BotSettings) -> AsyncIterator[tuple[Replier, Windows]]:
    """The model of the settings, whose connections are closed at the end; without one the echo.

    Raises InvalidInput where the settings do not fit together, and ModuleNotFoundError without the extra `llm`.
    """
    chosen = model_settings(settings)
    prompt = (chosen.prompt if chosen else None) or ""
    windows = Windows.of(settings, prompt_characters=len(prompt))
    if chosen is None:
        yield Echo(), windows
        return
    # takes most of a second to import, and need not be installed
    from botcli.replies.model import open_model

    async with open_model(chosen) as model:
        yield model, windows
