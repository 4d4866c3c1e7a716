"""aiogram's finite state machine on Redis, with what PostgresStorage promises; needs the extra `redis`."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey

from botcore import InvalidInput, Unavailable, health, inputs, queries

if TYPE_CHECKING:
    from redis.asyncio import Redis

ANSWER_SECONDS: Final = 1.0
"""What a call waits for Redis at most, be that gone or frozen."""

_NAME: Final = "Redis: "
_PREFIX: Final = "botcore:fsm"
_PARTS: Final = ("state", "data")
_FORM: Final = re.compile(rf"{_PREFIX}(:-?\d+){{4}}:[^:]*:.*:({'|'.join(_PARTS)})", re.DOTALL)
# below the prefix, where the server's ACL allows it, and no form
_PROBE: Final = f"{_PREFIX}:probe"
# a call holds one for a round trip; who finds none free waits, within its second
_CONNECTIONS: Final = 10
_PAGE: Final = 1_000


class RedisStorage(BaseStorage):
    """A storage on the Redis of this URL; close it at the end.

    aiogram's own loses what another handler enters between its reading and its writing in `update_data`, and has state
    and data end apart. Here what was entered is a hash with a field for each name, and a change one transaction of
    Redis, which keeps both for `ttl` from then on.
    A key, a state or data that PostgresStorage refuses raise InvalidInput here, too.
    Each call raises Unavailable, in ANSWER_SECONDS at the latest, where Redis is gone, frozen or full: then it may be
    repeated. Raises InvalidInput for a URL that cannot be read, and where the extra is not installed.
    """

    def __init__(self, url: str, *, ttl: timedelta | None = None) -> None:
        # its hints leave open whether texts are bytes
        self._redis: Any = _client(url)
        # as PostgresStorage counts them
        self._ttl_seconds = max(1, round(ttl.total_seconds())) if ttl is not None else 0

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Puts the person to that state, or to none."""
        name, place = state.state if isinstance(state, State) else state, _place(key, "state")
        _check("states/set_state", key, state=name or "")
        await self._change(key, ("SET", place, name) if name else ("DEL", place))

    async def get_state(self, key: StorageKey) -> str | None:
        """The name of the state, None for none."""
        async with self._answering():
            state: str | None = await self._redis.get(_place(key, "state"))
            return state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Replaces what the person entered; raises DataNotDictLikeError, and InvalidInput for what is no JSON."""
        await self._change(key, ("DEL", _place(key, "data")), *_entering(key, data))

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """What the person entered so far."""
        async with self._answering():
            return _loaded(await self._redis.hgetall(_place(key, "data")))

    async def update_data(self, key: StorageKey, data: Mapping[str, Any]) -> dict[str, Any]:
        """Adds to what the person entered, and gives all of it; raises as `set_data` does."""
        return _loaded(await self._change(key, *_entering(key, data), ("HGETALL", _place(key, "data"))))

    async def entered(self, *, telegram_user_id: int) -> list[dict[str, Any]]:
        """Where the person stands in forms, and what they entered, with the fields that `State` of botcore has."""
        forms = defaultdict[str, dict[str, str]](dict)
        for place in await self._places(telegram_user_id):
            form, _, part = place.rpartition(":")
            forms[form][part] = place
        found = [await self._form(form, parts) for form, parts in sorted(forms.items())]
        # others' in their private chat are not theirs; what is empty by now ended meanwhile
        return [
            each
            for each in found
            if each["telegram_user_id"] == telegram_user_id and (each["state"] or each["data"] != "{}")
        ]

    async def erase(self, *, telegram_user_id: int) -> None:
        """Removes where the person stands in forms, and what is entered in their private chats, for good."""
        places = await self._places(telegram_user_id)
        for first in range(0, len(places), _PAGE):
            async with self._answering():
                await self._redis.delete(*places[first : first + _PAGE])

    async def look(self, found: health.Found) -> None:
        """Puts there whether Redis takes what is entered, under `redis`: a full one answers, too, and takes nothing."""
        began, reason = perf_counter(), None
        try:
            async with self._answering():
                await self._redis.set(_PROBE, "", ex=1)
        except Unavailable as error:
            reason = error.reason.removeprefix(_NAME)
        taken = health.milliseconds_since(began)
        found["redis"] = health.Check("redis", reason is None, taken, reason, is_essential=False)

    async def about(self) -> Mapping[str, Any]:
        """What the server says of itself, as INFO does."""
        async with self._answering():
            about: Mapping[str, Any] = await self._redis.info()
            return about

    async def close(self) -> None:
        """Ends the connections."""
        await self._redis.aclose()

    async def _change(self, key: StorageKey, *commands: tuple[Any, ...]) -> Any:
        """Makes the changes, all or none of them, and gives what the last one gave."""
        async with self._answering(), self._redis.pipeline() as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            for part in _PARTS:
                place = _place(key, part)
                pipeline.expire(place, self._ttl_seconds) if self._ttl_seconds else pipeline.persist(place)
            results = await pipeline.execute()
        return results[len(commands) - 1]

    async def _places(self, telegram_user_id: int) -> list[str]:
        """The keys of the person's forms, and of all forms in their private chats."""
        places, cursor, person = set[str](), -1, str(telegram_user_id)
        while cursor:
            async with self._answering():
                cursor, page = await self._redis.scan(max(0, cursor), match=f"{_PREFIX}:*:{person}:*", count=_PAGE)
            # a topic can have that number, too, and others their own keys there
            places.update(place for place in page if _FORM.fullmatch(place) and person in _named(place)[1:3])
        return sorted(places)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        from redis.exceptions import ReadOnlyError, RedisError

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    yield
                except ReadOnlyError:
                    # its name leads to another server by now; what others are using ends when they have used it
                    await self._redis.connection_pool.update_active_connections_for_reconnect()
                    await self._redis.connection_pool.disconnect(inuse_connections=False)
                    raise
        except (RedisError, OSError) as error:
            # not as its cause: its text can quote what was entered
            raise Unavailable(f"{_NAME}{_reason(error)}", retry_is_safe=True) from None

    async def _form(self, form: str, parts: Mapping[str, str]) -> dict[str, Any]:
        bot_id, chat_id, user_id, thread_id, business_connection_id, destiny = _named(form)
        async with self._answering():
            state = await self._redis.get(parts["state"]) if "state" in parts else None
            data = await self._redis.hgetall(parts["data"]) if "data" in parts else {}
        return {
            "bot_id": int(bot_id),
            "telegram_chat_id": int(chat_id),
            "telegram_user_id": int(user_id),
            "message_thread_id": int(thread_id),
            "business_connection_id": unquote(business_connection_id),
            "destiny": destiny,
            "state": state,
            "data": json.dumps(_loaded(data), ensure_ascii=False),
        }


def _place(key: StorageKey, part: str) -> str:
    """A key of Redis, in which each part of aiogram's has its place: its own leaves out a topic that there is not."""
    _check("states/get", key)
    business_connection_id = quote(key.business_connection_id or "", safe="")
    ids = f"{key.bot_id}:{key.chat_id}:{key.user_id}:{key.thread_id or 0}"
    return f"{_PREFIX}:{ids}:{business_connection_id}:{key.destiny}:{part}"


def _check(query: str, key: StorageKey, **values: Any) -> None:
    """Raises InvalidInput for what the query would refuse."""
    stored = {
        "bot_id": key.bot_id,
        "telegram_chat_id": key.chat_id,
        "telegram_user_id": key.user_id,
        "message_thread_id": key.thread_id or 0,
        "business_connection_id": key.business_connection_id or "",
        "destiny": key.destiny,
        "ttl_seconds": 0,
    }
    inputs.check(queries.load(query), {**stored, **values})


def _named(place: str) -> list[str]:
    """The key's parts; what comes last may have colons."""
    return place.removeprefix(f"{_PREFIX}:").split(":", 5)


def _entering(key: StorageKey, data: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The command that enters it, none for nothing."""
    # aiogram's own storages ask the same
    if not isinstance(data, dict):
        raise DataNotDictLikeError(f"Data must be a dict or dict-like object, got {type(data).__name__}")
    try:
        # names become texts, as in any JSON
        entered = json.loads(json.dumps(data, allow_nan=False))
        fields = [text for name, value in entered.items() for text in (name, json.dumps(value))]
        texts = "".join(_texts(entered))
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("data", "is no JSON object") from None
    _check("states/set_data", key, data=texts)
    return [("HSET", _place(key, "data"), *fields)] if fields else []


def _texts(value: Any) -> Iterator[str]:
    """All that are in what JSON gave: written as JSON they hide what cannot be stored."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = [*value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _loaded(fields: Mapping[str, str]) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in fields.items()}


def _client(url: str) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise InvalidInput("REDIS_URL", "needs what is not installed: pip install 'botcore[redis]'") from None
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            max_connections=_CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # its own go on for seconds; every command here may be repeated
            retry=Retry(NoBackoff(), 1),
        )
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValueError):
        raise InvalidInput("REDIS_URL", "is no URL of a Redis: redis://, rediss:// or unix://") from None
    return Redis.from_pool(pool)


def _reason(error: Exception) -> str:
    """The first that fits: some of these classes are children of later ones."""
    from redis import exceptions

    # what a socket's connection was refused with, where the server answers
    if type(error) is exceptions.ConnectionError and isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__
    reasons: dict[type[Exception], str] = {
        exceptions.OutOfMemoryError: "it is full (maxmemory)",
        exceptions.ReadOnlyError: "only a replica answers, which takes no writes",
        exceptions.BusyLoadingError: "it is loading its data",
        exceptions.AuthenticationError: "it refuses the user or the password",
        exceptions.AuthorizationError: "it refuses the user or the password",
        exceptions.NoPermissionError: "its user may not do this (ACL)",
        exceptions.TimeoutError: f"no answer in {ANSWER_SECONDS} s",
        TimeoutError: f"no answer in {ANSWER_SECONDS} s",
        exceptions.ConnectionError: "no connection",
        OSError: "no connection",
    }
    reason = next((reason for kind, reason in reasons.items() if isinstance(error, kind)), None)
    return reason or f"it answers {_code(error)}"


def _code(error: Exception) -> str:
    """The server's word for it, else the class: the rest of its text can quote anything."""
    # of a pipeline the text is the command's, and then the server's, quoted
    first = str(error).rpartition(" caused error: ")[2].lstrip("('\"").partition(" ")[0]
    code = getattr(error, "status_code", None) or first
    return code if re.fullmatch("[A-Z]+", code) else type(error).__name__
