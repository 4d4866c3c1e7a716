"""What the bot reads from the environment, on top of the library's settings."""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from botcore import Settings

# 52 bits are used, 64 would have 19: https://core.telegram.org/bots/api#user
_ID_DIGITS: Final = 18


def _ids(value: object) -> object:
    """The numbers of a text with commas between; raises ValueError, which says what they look like."""
    if not isinstance(value, str):
        return value
    ids = [each.strip() for each in value.split(",") if each.strip()]
    if not all(each.isascii() and each.isdigit() and len(each) <= _ID_DIGITS for each in ids):
        raise ValueError("must be people's ids with commas between, like 123456789,987654321")
    return frozenset(map(int, ids))


class BotSettings(Settings):
    """Settings of the bot; each is the environment variable of its name, in capitals."""

    bot_token: SecretStr | None = Field(None, description="from @BotFather")
    telegram_api_url: str = Field("https://api.telegram.org", description="another Bot API server")
    redis_url: SecretStr | None = Field(None, description="where forms are kept, if not in the database")
    group_window: Literal["person", "chat"] = Field("person", description="what a model is given of a group's topic")
    wait_for_database: bool = Field(False, description="start without one, and wait for it rather than end")
    update_concurrency: int = Field(16, ge=1, le=1_000, description="chats answered at once by a process")
    update_lease_seconds: int = Field(10, ge=1, le=3_600, description="until others take over from a process that died")
    grace_seconds: float = Field(5.0, ge=0, description="for what is in work when the bot is stopped")
    resend_unconfirmed: bool = Field(False, description="send again what may have arrived, rather than never")
    window_messages: int = Field(100, ge=1, le=1_000, description="messages at most that a model is given")
    window_characters: int = Field(16_000, ge=1, le=100_000_000, description="characters of them at most")
    window_versions: Literal["newest", "original"] = Field("newest", description="which version of an edited message")
    send_per_second: int = Field(30, ge=1, le=10_000, description="messages at most, of this process")
    send_per_chat_per_minute: int = Field(60, ge=1, le=10_000, description="messages at most in a private chat")
    send_per_group_per_minute: int = Field(20, ge=1, le=10_000, description="messages at most in a group or channel")
    llm_base_url: str | None = Field(None, description="a server with OpenAI's API; by default OpenAI's own")
    llm_api_key: SecretStr | None = Field(None, description="the key there; without key and URL the echo answers")
    llm_model: str | None = Field(None, description="the model's name there")
    llm_system_prompt_file: Path | None = Field(None, description="for dialogues without a system message")
    llm_timeout_seconds: float = Field(180.0, gt=0, le=3_600, description="for a whole answer; then what came is kept")
    llm_context_tokens: int | None = Field(None, ge=256, le=100_000_000, description="how much the model takes in")
    llm_daily_tokens: int | None = Field(None, ge=1, description="of one person and day by UTC, read and written")
    turns_per_minute: int = Field(20, ge=0, le=1_000, description="a person's answers by the model; 0 for no limit")
    admin_ids: Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)] = Field(
        frozenset(), description="Telegram's ids of who may use /admin, with commas between"
    )
    webhook_url: str | None = Field(None, description="where Telegram posts updates")
    webhook_secret: SecretStr | None = Field(None, description="what Telegram sends along with each")
    http_host: str = Field("127.0.0.1", description="where probes are answered, and the webhook listens")
    port: int | None = Field(None, ge=1, le=65_535, description="likewise; 8080 with a webhook, else nowhere")

    def secrets(self) -> list[str]:
        """What no log line may show."""
        # the bot's id, before the colon, is no secret and worth reading
        token = (self.bot_token or SecretStr("")).get_secret_value().partition(":")[2]
        keys = [each.get_secret_value() for each in (self.webhook_secret, self.llm_api_key) if each]
        urls = ((self.redis_url or SecretStr("")).get_secret_value(), self.llm_base_url or "")
        passwords = [password for url in urls for password in _passwords(url)]
        return [secret for secret in (token, *keys, *passwords) if secret]


def _passwords(url: str) -> list[str]:
    """As it is written, and as the server is sent it."""
    try:
        split = urlsplit(url)
    except ValueError:
        return []
    words = (word.partition("=") for word in split.query.split("&"))
    written = [split.password or "", *(value for name, _, value in words if name == "password")]
    return [*written, *map(unquote, written)]
