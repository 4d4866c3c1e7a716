"""Which model answers, by the settings: read and checked before anything is opened."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from botcli.settings import BotSettings
from botcore import InvalidInput

OPENAI_URL: Final = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """LLM_BASE_URL, LLM_API_KEY, LLM_MODEL, LLM_TIMEOUT_SECONDS, and what stands in LLM_SYSTEM_PROMPT_FILE."""

    base_url: str = field(repr=False)
    api_key: str = field(repr=False)
    model: str
    prompt: str | None = field(repr=False)
    timeout_seconds: float


def model_settings(settings: BotSettings) -> ModelSettings | None:
    """The model that answers; None where none is set, and the echo does.

    Raises InvalidInput for settings that lack something, or do not fit together.
    """
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    if not (settings.llm_base_url or key):
        _refuse_without_server(settings)
        return None
    if not settings.llm_model:
        raise InvalidInput("LLM_MODEL", "is not set: the name of a model that the server has")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidInput("LLM_API_KEY", "has a character that no key has: was it copied with a line break?")
    prompt = _prompt(settings.llm_system_prompt_file) if settings.llm_system_prompt_file else None
    if settings.llm_context_tokens and "window_characters" in settings.model_fields_set:
        raise InvalidInput("LLM_CONTEXT_TOKENS", "is set beside WINDOW_CHARACTERS: the window follows from one of them")
    return ModelSettings(_base_url(settings), key, settings.llm_model, prompt, settings.llm_timeout_seconds)


def _refuse_without_server(settings: BotSettings) -> None:
    for name in ("llm_model", "llm_system_prompt_file", "llm_context_tokens", "llm_daily_tokens"):
        if getattr(settings, name):
            raise InvalidInput(name.upper(), "is set without LLM_API_KEY and LLM_BASE_URL: nothing would use it")


def _base_url(settings: BotSettings) -> str:
    try:
        url = urlsplit(settings.llm_base_url or OPENAI_URL)
        is_server = url.scheme in {"http", "https"} and url.hostname and (url.port or True)
    except ValueError:
        is_server = False
    if not is_server:
        raise InvalidInput("LLM_BASE_URL", f"must be an http or https URL, like {OPENAI_URL}")
    return url.geturl()


def _prompt(path: Path) -> str:
    try:
        prompt = path.read_text(encoding="utf-8-sig").replace("\0", "").strip()
    except OSError as error:
        raise InvalidInput("LLM_SYSTEM_PROMPT_FILE", f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput("LLM_SYSTEM_PROMPT_FILE", f"{path}: is no text in UTF-8") from None
    if not prompt:
        raise InvalidInput("LLM_SYSTEM_PROMPT_FILE", f"{path}: is empty")
    return prompt
