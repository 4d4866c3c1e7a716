"""`botcli updates`: what Telegram delivered and is not done: to look at, to try again, to give up."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from json import loads
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from botcli.cli import output
from botcli.cli.environment import read_settings, token_bot_id
from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import Database, InvalidInput, NotFound, Update

app = App(name="updates", help="What Telegram delivered and is not done: look, try again, give up.")

State = Annotated[
    Literal["pending", "running", "failed"],
    Parameter(help="Waiting (pending), in work (running) or, by default, set aside (failed)."),
]
Number = Annotated[int, Parameter(help="Telegram's number of the update; repeat it for several.")]
Bot = Annotated[int | None, Parameter(help="Telegram's id of the bot; by default BOT_TOKEN's.")]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]

_PAGE: Final = 1_000

_COLUMNS: Final = {
    "bot": "bot_id",
    "update": "update_id",
    "chat": "telegram_chat_id",
    "state": "state",
    "attempts": "attempts",
    "failures": "failures",
    "error": "error",
    "sqlstate": "sqlstate",
    "received": "received_at",
    "due": "due_at",
}


@app.command(name="list")
async def list_(
    *,
    state: State = "failed",
    json: Json = False,
) -> None:
    """List the updates of all bots that were set aside, or are in another state, without what people wrote."""
    async with open_database(read_settings()) as database:
        found = [_fields(update) async for update in _in_state(database, state)]
    if not found:
        output.say(f"no update is {state}")
    if json:
        output.as_json(found)
    elif found:
        output.as_table(list(_COLUMNS), [[_short(fields[name]) for name in _COLUMNS.values()] for fields in found])


@app.command
async def show(
    update_id: Annotated[int, Parameter(help="Telegram's number.")], /, *, bot: Bot = None, json: Json = False
) -> None:
    """Print an update with its payload, which holds what somebody wrote; of a done one nothing is left of that."""
    settings = read_settings()
    key = {"bot_id": _bot_id(bot, settings), "update_id": update_id}
    async with open_database(settings) as database:
        update = await database.updates.get(**key)
    if update is None:
        raise NotFound("update", **key)
    try:
        _print(update, loads(update.payload or "null"), json=json)
    except RecursionError:
        # nested too deeply to be read: as it is stored, in one line
        _print(update, update.payload, json=json)


@app.command
async def retry(
    *update_ids: Number,
    all_: Annotated[bool, Parameter(name="--all", help="All of the bot that were set aside.")] = False,
    bot: Bot = None,
) -> None:
    """Put updates that were set aside back among those that wait: a bot that runs takes them within seconds."""
    if all_ == bool(update_ids):
        raise InvalidInput("UPDATE_ID", "or --all is needed, and not both")
    settings = read_settings()
    bot_id = _bot_id(bot, settings)
    async with open_database(settings) as database:
        numbers = (
            [each.update_id async for each in _in_state(database, "failed") if each.bot_id == bot_id]
            if all_
            else update_ids
        )
        retried = await _those(database.updates.retry, bot_id, numbers)
        await database.updates.announce(bot_id=bot_id)
    output.as_pairs([("retried", len(retried))])
    _refuse_rest("update that was set aside", bot_id, update_ids, retried)


@app.command
async def drop(
    *update_ids: Number,
    bot: Bot = None,
    dry_run: Annotated[bool, Parameter(help="Count what would be dropped, and change nothing.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
) -> None:
    """Give up updates that wait or were set aside: they are done, and what they hold is gone for good."""
    if not update_ids:
        raise InvalidInput("UPDATE_ID", "is needed")
    settings = read_settings()
    bot_id = _bot_id(bot, settings)
    if not (dry_run or yes):
        output.confirm(f"what these updates hold ({', '.join(map(str, update_ids))}) goes for good, unanswered")
    async with open_database(settings) as database:
        if dry_run:
            dropped = await _those(partial(_can_be_dropped, database), bot_id, update_ids)
        else:
            dropped = await _those(database.updates.drop, bot_id, update_ids)
            # the next one of its chat need not wait any longer
            await database.updates.announce(bot_id=bot_id)
    output.as_pairs([("dropped", len(dropped))])
    _refuse_rest("update that waits or was set aside", bot_id, update_ids, dropped)


def _bot_id(given: int | None, settings: BotSettings) -> int:
    if given is not None:
        return given
    if (bot_id := token_bot_id(settings)) is None:
        raise InvalidInput("--bot", "is needed where BOT_TOKEN names no bot; `botcli updates list` has the numbers")
    return bot_id


async def _in_state(database: Database, state: State) -> AsyncIterator[Update]:
    page = await database.updates.page(state=state, page_size=_PAGE)
    while page:
        for update in page:
            yield update
        page = await database.updates.page(state=state, after=page[-1], page_size=_PAGE)


async def _can_be_dropped(database: Database, *, bot_id: int, update_id: int) -> bool:
    update = await database.updates.get(bot_id=bot_id, update_id=update_id)
    return update is not None and update.state in {"pending", "failed"}


async def _those(change: Callable[..., Awaitable[bool]], bot_id: int, update_ids: Iterable[int]) -> set[int]:
    """The numbers of those that were changed."""
    return {number for number in update_ids if await change(bot_id=bot_id, update_id=number)}


def _refuse_rest(kind: str, bot_id: int, given: Iterable[int], changed: set[int]) -> None:
    if missing := sorted(set(given) - changed):
        raise NotFound(kind, bot_id=bot_id, update_id=", ".join(map(str, missing)))


def _fields(update: Update) -> dict[str, Any]:
    """All but what somebody wrote."""
    return {name: value for name, value in asdict(update).items() if name != "payload"}


def _print(update: Update, payload: object, *, json: bool) -> None:
    if json:
        return output.as_json({**_fields(update), "payload": payload})
    text = output.printable(payload) if isinstance(payload, str) else output.json_text(payload)
    output.as_pairs(_fields(update).items())
    return output.write(text) if payload is not None else output.say("nothing is left of its payload")


def _short(value: object) -> object:
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value
