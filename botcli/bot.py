"""The bot: one dispatcher for polling, the terminal and the tests."""

from typing import Any

from aiogram import Dispatcher
from aiogram.dispatcher.event.handler import CallbackType
from aiogram.fsm.strategy import FSMStrategy

from botcli.fsm import PostgresStorage
from botcli.handlers import admin, changes, commands, conversation, privacy, settings
from botcli.middleware import SkipUnknown, bind_context
from botcli.pictures import Pictures
from botcli.redis_storage import RedisStorage
from botcli.replies import Replier
from botcli.showing import DEFAULT as AS_IT_IS
from botcli.showing import Showing
from botcli.stops import Stops
from botcli.throttle import Throttle
from botcli.turns import Turns
from botcli.windows import DEFAULT, Windows
from botcore import Database


def build_dispatcher(
    database: Database,
    replier: Replier,
    *,
    windows: Windows = DEFAULT,
    daily_tokens: int | None = None,
    showing: Showing = AS_IT_IS,
    turns_per_minute: int = 0,
    admin_ids: frozenset[int] = frozenset(),
    redis: RedisStorage | None = None,
    pictures: Pictures | None = None,
    on_error: CallbackType | None = None,
) -> Dispatcher:
    """The dispatcher with all that the bot does; fed from anywhere. What fails goes to `on_error`, or is raised.

    By `pictures` the answer to /stats has one. Forms are kept in `redis`, or else in the database. A router that has
    some takes `dispatcher.fsm` as an outer middleware of its events: then states are read for those alone, and what
    needs none does not wait for them.
    """
    stops = Stops()
    dispatcher = Dispatcher(
        storage=redis or PostgresStorage(database),
        fsm_strategy=FSMStrategy.USER_IN_TOPIC,
        disable_fsm=True,
        database=database,
        redis=redis,
        pictures=pictures,
        windows=windows,
        turns=Turns(database, replier, windows, daily_tokens, showing, stops),
        stops=stops,
        throttle=Throttle(database, turns_per_minute),
        admin_ids=admin_ids,
    )
    dispatcher.update.outer_middleware(SkipUnknown())
    dispatcher.update.outer_middleware(bind_context)
    if on_error:
        dispatcher.errors.register(on_error)
    of_commands = (module.build_router(database) for module in (commands, privacy, settings, admin))
    dispatcher.include_routers(changes.build_router(), *of_commands)
    dispatcher.include_routers(commands.build_last_router(database), conversation.build_router(database))
    return dispatcher


def update_types() -> list[str]:
    """The kinds of update that the bot does something with, for Telegram to send no others."""
    nothing: Any = None  # building asks neither the database nor a model
    return build_dispatcher(nothing, nothing).resolve_used_update_types()
