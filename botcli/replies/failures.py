"""Why a model gave no answer: one class each, made of what the SDK raised, which can quote the dialogue or the key."""

import re
from typing import Any, Final

import httpx2
import openai

from botcli.replies import NoReply, TooLong
from botcli.sentences import later

_LONGEST_SECONDS: Final = 86_400
_NO_CREDIT: Final = 402
_BODY_TOO_LARGE: Final = 413
# OpenAI, vLLM, llama.cpp, LM Studio and OpenRouter, each in its own words
_TOO_LONG: Final = re.compile(r"context[ _-]?(length|size|window)", re.IGNORECASE)


class TimedOut(NoReply):
    """The answer did not come in LLM_TIMEOUT_SECONDS, or did not go on."""

    kind = "timeout"
    sentence = later("The answer took too long, and I gave up waiting.")


class RateLimited(NoReply):
    """The server has too much to do, and may have said for how long."""

    kind = "rate_limit"
    sentence = later("The model has too much to do at the moment.")

    def __init__(self, retry_after_seconds: int | None) -> None:
        super().__init__()
        if retry_after_seconds:
            self.sentence = later("The model has too much to do at the moment. It asks for {seconds:,} s of patience.")
            self.fields = {"seconds": retry_after_seconds}


class Refused(NoReply):
    """The model, or a filter before or behind it, does not want to answer."""

    kind = "refused"
    sentence = later("The model refused to answer this.")


class Empty(NoReply):
    """The model said nothing, as where all it had room for was thinking."""

    kind = "empty"
    sentence = later("The model had nothing to say.")


class NotAvailable(NoReply):
    """The operator has to do something: the key is refused, the model unknown, the account empty."""

    kind = "unavailable"
    sentence = later("I cannot answer at the moment: my operator has to see to it.")


class Rejected(NoReply):
    """The server does not take the request as it is."""

    kind = "rejected"
    sentence = later("The model's server did not take this.")


class ServerFault(NoReply):
    """The server failed, or what is in front of it."""

    kind = "server"
    sentence = later("The model's server failed.")


class Disconnected(NoReply):
    """There was no connection, or it broke in the middle."""

    kind = "connection"
    sentence = later("The connection to the model failed.")


class Malformed(NoReply):
    """What came is no answer of this API."""

    kind = "malformed"
    sentence = later("The model's server answered something that I cannot read.")


_BY_CLASS: Final[dict[type[Exception], type[NoReply]]] = {
    openai.APITimeoutError: TimedOut,
    # in the middle of an answer
    TimeoutError: TimedOut,
    httpx2.TimeoutException: TimedOut,
    openai.APIConnectionError: Disconnected,
    httpx2.TransportError: Disconnected,
    openai.AuthenticationError: NotAvailable,
    openai.PermissionDeniedError: NotAvailable,
    openai.NotFoundError: NotAvailable,
    openai.InternalServerError: ServerFault,
    openai.APIStatusError: Rejected,
}
_TO_DO: Final = {
    401: "the model's server refuses LLM_API_KEY",
    _NO_CREDIT: "the account of LLM_API_KEY has no credit left",
    403: "the model's server refuses LLM_API_KEY, or this model to it",
    404: "the model's server knows no such LLM_MODEL, or LLM_BASE_URL is another's",
    429: "the account of LLM_API_KEY has no credit left",
}


def read(error: Exception) -> NoReply:
    """The failure that the SDK's error, or one in reading the answer, amounts to."""
    if isinstance(error, openai.APIStatusError):
        if error.status_code == _NO_CREDIT:
            return NotAvailable()
        if error.status_code == _BODY_TOO_LARGE:
            return TooLong()
        if told := _told(error.body):
            return told
        if isinstance(error, openai.RateLimitError):
            return RateLimited(_retry_after(error))
    return next((made() for kind, made in _BY_CLASS.items() if isinstance(error, kind)), Malformed())


def read_event(error: Any) -> NoReply:
    """The failure that the server tells in place of an answer, or in the middle of it."""
    return _told(error) or ServerFault()


def to_do(failure: NoReply, status: int | None) -> str:
    """What the log says to the operator."""
    known = _TO_DO.get(status or 0) if isinstance(failure, NotAvailable) else None
    return known or "no answer from the model"


def _told(error: Any) -> NoReply | None:
    """What the server calls the error, whatever the status; not the rest of it, which may repeat the question."""
    if not isinstance(error, dict):
        return None
    code, kind = error.get("code"), error.get("type")
    if _TOO_LONG.search(f"{code} {kind} {error.get('message')}"):
        return TooLong()
    if code == "content_filter":
        return Refused()
    # that one is no matter of time
    return NotAvailable() if code == "insufficient_quota" else None


def _retry_after(error: openai.APIStatusError) -> int | None:
    """Seconds, where the server said that in a number; a date would be by its clock."""
    value = error.response.headers.get("retry-after", "")
    return min(_LONGEST_SECONDS, int(value)) if re.fullmatch(r"[0-9]{1,9}", value) else None
