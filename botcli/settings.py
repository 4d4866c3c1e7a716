"""What the bot reads from the environment, on top of the library's settings."""

from typing import Literal

from pydantic import Field, SecretStr

from botcore import Settings


class BotSettings(Settings):
    """Settings of the bot; each is the environment variable of its name, in capitals."""

    bot_token: SecretStr | None = Field(None, description="from @BotFather")
    telegram_api_url: str = Field("https://api.telegram.org", description="another Bot API server")
    group_window: Literal["person", "chat"] = Field("person", description="what a model is given of a group's topic")
    window_versions: Literal["newest", "original"] = Field("newest", description="which version of an edited message")
