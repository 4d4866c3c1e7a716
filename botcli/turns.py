"""One turn of a dialogue: what a person said goes to the replier, and what that says is stored, then sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict, cast

from aiogram import Bot
from aiogram.types import Message
from aiogram.utils.i18n import gettext as _

from botcli import answers
from botcli.exchanges import LOOKED_AT, NOT_THERE, chosen, to_us
from botcli.incoming import is_reply, sender, unstored
from botcli.journal import Handling
from botcli.languages import speaking_to
from botcli.middleware import Dialogue
from botcli.previews import Preview, preview
from botcli.replies import Cut, NoReply, Replier, Reply, Tokens
from botcli.sentences import later
from botcli.showing import DEFAULT, Showing, draft_of, shown
from botcli.stops import Stops
from botcli.windows import Windows
from botcore import Database, NotFound, NotRecorded, Spent, Transaction
from botcore import Message as Stored

_PARTIAL: Final[dict[Cut, str]] = {
    "room": later("That is not all: there was no room for more."),
    "time": later("That is not all: the rest took too long."),
    "fault": later("That is not all: the model's server broke off."),
    "stop": later("That is not all: I was stopped here."),
}
_AGAIN: Final = later("/retry asks again.")
_NOTHING: Final = later("There is nothing to ask again: say something first.")


class Spender(TypedDict):
    """Whom usage is of, and by which bot."""

    user_id: int
    bot_id: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The stored message that is to be answered, by an answer to Telegram's `message`, which can be a command."""

    message: Message
    asked: Stored
    dialogue: Dialogue
    handling: Handling | None

    @property
    def spender(self) -> Spender:
        """Whose tokens the answer costs."""
        return {"user_id": self.dialogue["user_id"], "bot_id": cast("Bot", self.message.bot).id}


@dataclass(frozen=True, slots=True)
class Turns:
    """Who answers, from which windows, LLM_DAILY_TOKENS, how the answer is shown, and what stops it."""

    database: Database
    replier: Replier
    windows: Windows
    daily_tokens: int | None = None
    showing: Showing = DEFAULT
    stops: Stops = field(default_factory=Stops)

    async def answer(self, turn: Turn) -> None:
        """Answers once, whatever came of earlier attempts."""
        asked, reply = turn.asked, None
        if turn.handling and turn.handling.is_repeated:
            reply = await self.database.messages.reply_to(chat_id=asked.chat_id, message_id=asked.id)
        async with preview(self.database, turn.message, turn.handling) as shows:
            if reply:
                await self._deliver(turn, reply)
            else:
                await self._ask(turn, shows)

    async def retry(
        self, message: Message, command: Stored, dialogue: Dialogue, handling: Handling | None = None
    ) -> None:
        """Answers anew what the command is a reply to, that and nothing else, or without one what they said last."""
        earlier = await self.database.messages.recent(**dialogue, before_id=command.id, page_size=LOOKED_AT)
        me = await cast("Bot", message.bot).me()
        theirs = [each for each in to_us(earlier, me) if each.content.strip()]
        asked = chosen(theirs, earlier, command) if is_reply(message) else next(iter(theirs), None)
        if asked is None:
            await answers.say(message, _(NOT_THERE if is_reply(message) else _NOTHING))
            return
        turn = Turn(message, asked, dialogue, handling)
        reply = await self.database.messages.reply_to(chat_id=asked.chat_id, message_id=asked.id)
        async with preview(self.database, message, handling) as shows:
            # a chat's updates come one after the other: what is newer than the command, an attempt at it has stored
            if reply and reply.id > command.id:
                await self._deliver(turn, reply)
            elif not await self._ask(turn, shows):
                return
        # not before: who was asked can fail, and a chat can refuse what they say
        for each in earlier:
            if each.role == "assistant" and each.reply_to_id == asked.id:
                await self.database.messages.delete(chat_id=each.chat_id, message_id=each.id)

    async def answer_unstored(self, message: Message, handling: Handling | None) -> None:
        """Answers who opted out, by the message alone, and stores nothing."""
        if handling and handling.has_spoken:
            return
        try:
            said = await self._hear(message, [unstored(message)])
        except NoReply as failure:
            async with speaking_to(self.database, sender(message)):
                await answers.say(message, _why(failure))
        else:
            await answers.say(message, said.text, self.showing.render)

    async def _ask(self, turn: Turn, shows: Preview | None) -> bool:
        """Whether there is an answer, stored and sent."""
        if turn.handling and turn.handling.has_spoken:
            # replies are stored before they are sent: the earlier attempt said why there is none, and that was all
            return False
        spent = await self._spent(turn)
        if spent and self.daily_tokens and spent.today_tokens >= self.daily_tokens:
            async with speaking_to(self.database, sender(turn.message)):
                await answers.say(turn.message, _used_up(datetime.now(UTC)))
            return False
        try:
            window = await self.windows.read(self.database, turn.message, turn.dialogue, turn.asked.id, spent)
            said = await self._hear(turn.message, window, shows)
        except NoReply as failure:
            if failure.tokens:
                await _count(self.database, turn, failure.tokens)
            # in a business chat nobody takes commands
            can_retry = failure.can_retry and not turn.message.business_connection_id
            async with speaking_to(self.database, sender(turn.message)):
                again = f" {_(_AGAIN)}" if can_retry else ""
                await answers.say(turn.message, f"{_why(failure)}{again}")
            return False
        try:
            reply = await self._store(turn, said)
        except NotRecorded:
            # they opted out meanwhile
            await answers.say(turn.message, said.text, self.showing.render)
            return False
        except NotFound:
            # they were erased meanwhile, or their chat: nobody asks any more
            return False
        await self._deliver(turn, reply)
        return True

    async def _hear(self, message: Message, window: Sequence[Stored], shows: Preview | None = None) -> Reply:
        """What the replier says, shown meanwhile, or said so far when the person stops it."""
        heard: list[str] = []
        async with shown(message, self.showing, shows, heard) as hear:
            making = asyncio.create_task(self.replier.reply(window, hear))
            said = await self.stops.until_stopped(draft_of(message), making, heard)
        return await self._noted(message, said)

    async def _noted(self, message: Message, said: Reply) -> Reply:
        """The reply; at the end of what is not all of it stands why, in the person's language."""
        if not said.cut:
            return said
        # a fence that was cut off would take the note for code
        fence = "\n```" if said.text.count("```") % 2 else ""
        async with speaking_to(self.database, sender(message)):
            return replace(said, text=f"{said.text}{fence}\n\n{_(_PARTIAL[said.cut])}")

    async def _spent(self, turn: Turn) -> Spent | None:
        """What the person used so far, where anything depends on it."""
        if self.daily_tokens or self.windows.context_tokens:
            return await self.database.usage.totals(**turn.spender)
        return None

    async def _store(self, turn: Turn, said: Reply) -> Stored:
        """The stored reply, counted: both or nothing."""
        if not said.tokens:
            return await _add(self.database, turn, said)
        async with self.database.transaction() as transaction:
            reply = await _add(transaction, turn, said)
            await _count(transaction, turn, said.tokens)
            return reply

    async def _deliver(self, turn: Turn, reply: Stored) -> None:
        if reply.delivery:
            await answers.deliver(self.database, turn.message, reply, self.showing.render)


async def _add(database: Transaction, turn: Turn, said: Reply) -> Stored:
    return await database.messages.add(
        **turn.dialogue,
        role="assistant",
        content=said.text,
        reply_to_id=turn.asked.id,
        delivery="pending",
        update=turn.handling.update if turn.handling else None,
    )


async def _count(database: Transaction, turn: Turn, tokens: Tokens) -> None:
    await database.usage.add(
        **turn.spender,
        input_tokens=tokens.read,
        output_tokens=tokens.written,
        input_characters=tokens.characters,
    )


def _used_up(now: datetime) -> str:
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    hours, minutes = divmod((midnight - now).seconds // 60 + 1, 60)
    text = _("That is all that I may spend on you today. A new day begins at 00:00 UTC, in {hours} h {minutes} min.")
    return text.format(hours=hours, minutes=minutes)


def _why(failure: NoReply) -> str:
    return _(failure.sentence).format(**failure.fields)
