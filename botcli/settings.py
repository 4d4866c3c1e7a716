"""What the bot reads from the environment, on top of the library's settings."""

from pydantic import Field, SecretStr

from botcore import Settings


class BotSettings(Settings):
    """Settings of the bot; each is the environment variable of its name, in capitals."""

    bot_token: SecretStr | None = Field(None, description="from @BotFather")
    telegram_api_url: str = Field("https://api.telegram.org", description="another Bot API server")
