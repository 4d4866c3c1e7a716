"""The bot keeps within Telegram's limits, and waits where it is told to."""

import asyncio
from time import monotonic

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramRetryAfter
from hypothesis import given, settings
from hypothesis import strategies as st

from botcli import pacing, requests
from botcli.pacing import Pace, Slots
from botcli.requests import had_no_effect
from tests.botcli.bot_api import BotApi, flood

FAST = Pace(per_second=1_000, per_chat_per_minute=10_000, per_group_per_minute=10_000)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """As time.monotonic."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the slots take for the time."""
    clock = Clock()
    monkeypatch.setattr(pacing, "monotonic", clock)
    return clock


async def seconds_to_send(bot: Bot, *chat_ids: int | str) -> float:
    """How long so many messages take when they are sent at once."""
    started = monotonic()
    async with asyncio.TaskGroup() as group:
        for number, chat_id in enumerate(chat_ids):
            group.create_task(bot.send_message(chat_id, str(number)))
    return monotonic() - started


@settings(max_examples=200)
@given(
    number=st.integers(1, 30),
    burst=st.integers(1, 5),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.5, 3.0, 20.0, 70.0]), max_size=80),
)
def test_take_any_arrivals(number: int, burst: int, pauses: list[float]) -> None:
    """Whenever messages come, no minute has more than the number, none overtakes, and the first waits for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(pacing, "monotonic", clock)
        slots = Slots(number, 60.0, burst)

        places = []
        for pause in pauses:
            clock.now += pause
            places.append(clock.now + slots.take("chat"))

        assert places == sorted(places)
        assert places[:1] == [1_000.0 + pause for pause in pauses[:1]]
        for first, after in zip(places, places[number:], strict=False):
            assert after - first > 60.0 - 1e-6


def test_take_after_a_silence(clock: Clock) -> None:
    """A chat that was silent gets a burst at once, then one at a time."""
    slots = Slots(60, 60.0, burst=3)

    at_once = [slots.take(7) for _ in range(4)]
    clock.now += 600
    later = [slots.take(7) for _ in range(4)]

    assert at_once == later
    assert [round(wait, 2) for wait in later] == [0, 0, 0, 1.03]


def test_take_of_many_chats(clock: Clock) -> None:
    """Memory holds the chats of the last minute, not all there ever were, and forgetting opens no limit."""
    slots = Slots(20, 60.0, burst=3)

    for chat_id in range(20_000):
        clock.now += 0.1
        slots.take(chat_id)
        assert len(slots._next) <= 700
    for _ in range(30):
        slots.take("busy")
    clock.now += 61

    assert slots.take("busy") > 0


async def test_send_in_a_chat(bot: Bot, bot_api: BotApi) -> None:
    """A burst goes at once, the next message waits its turn, and another chat does not wait for it."""
    requests.use(bot.session, pace=Pace(per_second=1_000, per_chat_per_minute=122))

    burst = await seconds_to_send(bot, 7, 7, 7, 8)
    next_one = await seconds_to_send(bot, 7, 9)

    assert burst < 0.9
    assert 0.2 < next_one < 2
    assert [sent["text"] for sent in bot_api.sent if sent["chat_id"] == "7"] == ["0", "1", "2", "0"]


@pytest.mark.parametrize("chat_id", [-5, "@engines"])
async def test_send_in_a_group(bot: Bot, chat_id: int | str) -> None:
    """Groups, and chats called by their names, have a limit of their own."""
    requests.use(bot.session, pace=Pace(per_second=1_000, per_chat_per_minute=10_000, per_group_per_minute=62))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(seconds_to_send(bot, *[chat_id] * 5), 1)


async def test_send_over_all_chats(bot: Bot, bot_api: BotApi) -> None:
    """Many chats together get no more than the limit of the bot."""
    requests.use(bot.session, pace=Pace(per_second=20))

    assert await seconds_to_send(bot, *range(1, 22)) >= 1

    assert len(bot_api.sent) == 21


async def test_typing_is_no_message(bot: Bot) -> None:
    """What makes no message is not paced."""
    requests.use(bot.session, pace=Pace(per_second=1, per_chat_per_minute=1))

    async with asyncio.timeout(1):
        for _ in range(5):
            await bot.send_chat_action(7, "typing")


async def test_flood_in_one_chat(bot: Bot, bot_api: BotApi) -> None:
    """The chat that is told to wait gets nothing for that long, then all in turn; other chats go on."""
    requests.use(bot.session, pace=FAST)
    bot_api.fail("sendMessage", flood(2))
    started = monotonic()

    first = asyncio.create_task(bot.send_message(7, "first"))
    await asyncio.sleep(0.3)
    second = asyncio.create_task(bot.send_message(7, "second"))
    await bot.send_message(8, "other")
    others_after = monotonic() - started
    await asyncio.gather(first, second)

    assert others_after < 1.8
    assert monotonic() - started >= 2
    assert {sent["text"] for sent in bot_api.sent} == {"first", "second", "other"}
    # the second was not even tried while the chat was held
    assert len(bot_api.called("sendMessage")) == 4


async def test_flood_while_others_wait_their_turn(bot: Bot, bot_api: BotApi) -> None:
    """Messages that waited for their place when the 429 came wait on, and come out one after the other."""
    requests.use(bot.session, pace=Pace(per_second=1_000, per_chat_per_minute=602))
    bot_api.fail("sendMessage", flood(1))

    sending = asyncio.create_task(seconds_to_send(bot, *[7] * 8))
    await asyncio.sleep(0.8)
    # what came at once with the first was on its way when that was refused
    assert len(bot_api.called("sendMessage")) <= pacing.BURST

    assert await sending > 1
    assert len(bot_api.sent) == 8


async def test_flood_for_long(bot: Bot, bot_api: BotApi) -> None:
    """A long wait is the caller's, at once, and so is each later request in the chat, without asking the server."""
    bot_api.fail("sendMessage", flood(31))

    with pytest.raises(TelegramRetryAfter) as told:
        await bot.send_message(7, "first")
    with pytest.raises(TelegramRetryAfter) as held:
        await bot.send_message(7, "second")
    await bot.send_message(8, "other")

    assert (told.value.retry_after, held.value.retry_after) == (31, 31)
    assert had_no_effect(held.value)
    assert len(bot_api.called("sendMessage")) == 2


async def test_flood_again_and_again(bot: Bot, bot_api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits one after the other are not waited for without end."""
    monkeypatch.setattr(pacing, "LONGEST_WAIT_SECONDS", 2.5)
    bot_api.fail("sendMessage", *[flood(1) for _ in range(10)])

    with pytest.raises(TelegramRetryAfter):
        await bot.send_message(7, "first")

    assert len(bot_api.called("sendMessage")) == 3


async def test_flood_where_there_is_no_chat(bot: Bot, bot_api: BotApi) -> None:
    """The method waits, and no other does."""
    bot_api.fail("setMyCommands", flood(40))

    with pytest.raises(TelegramRetryAfter):
        await bot.set_my_commands([])
    await bot.get_me()
    with pytest.raises(TelegramRetryAfter):
        await bot.set_my_commands([])

    assert len(bot_api.called("setMyCommands")) == 1


def test_floods_of_many_chats(clock: Clock) -> None:
    """What is over is forgotten."""
    held = pacing.Pacing()

    for chat_id in range(1_000):
        clock.now += 1
        held._hold(chat_id, 10)

    assert len(held._held) <= 10
