"""Whatever happens to messages, people and chats, in any order: each result and each read is what the model says."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, cast

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from botcore import BotcoreError, Database
from tests import life
from tests.factories import SENT_AT
from tests.model import Model
from tests.model_rows import Chat

EXAMPLES = int(os.environ.get("TEST_LIFE_CYCLES", "100"))
"""How often the store starts empty. Without the variable every run takes the same steps, with it each run others."""

SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    derandomize="TEST_LIFE_CYCLES" not in os.environ,
    phases=[Phase.generate, Phase.shrink],
    database=None,  # no folder of examples: a failure shows its steps
    deadline=None,  # a step is a dozen queries of a real server, on a machine of any load
    suppress_health_check=[
        HealthCheck.too_slow,  # likewise
        HealthCheck.data_too_large,  # thirty steps draw much
    ],
)

# rows that one statement changed must not leave a message doubled, lost, or live under a deleted parent
SOUND = """
    SELECT
        count(*),
        count(*) - count(DISTINCT (m.chat_id, COALESCE(m.telegram_message_id, -1000 - m.id))),
        count(*) FILTER (WHERE m.deleted_at IS NULL AND COALESCE(c.deleted_at, u.deleted_at) IS NOT NULL)
    FROM messages AS m
    INNER JOIN chats AS c ON c.id = m.chat_id
    LEFT JOIN users AS u ON u.id = m.user_id
"""
EMPTY = "TRUNCATE users, usage, preferences, throttles, chats, messages, message_versions, refusals, erasures"


class LifeCycle(RuleBasedStateMachine):
    """One store and its model, side by side."""

    def __init__(
        self, runner: asyncio.Runner, database: Database, connection: psycopg.Connection, steps: Counter[str]
    ) -> None:
        super().__init__()
        self.run, self.database, self.connection, self.steps = runner.run, database, connection, steps
        self.model = Model()
        self.delivered: list[life.Values] = []
        connection.execute(EMPTY)

    @initialize(
        random=st.randoms(use_true_random=True),
        first=st.lists(st.tuples(life.deliveries, life.dates), min_size=6, max_size=9),
    )
    def begin(self, random: Random, first: list[tuple[life.Values, life.Date]]) -> None:
        """Some messages, so that whatever comes next has rows; and what the reads after each step look at."""
        self.random = random
        for said, sent in first:
            self.deliver(said | {"sent_at": self.date(sent)})

    @rule(
        event=st.one_of(
            [st.tuples(st.just(name), st.fixed_dictionaries(of)) for name, of in life.EVENTS + life.EVENTS[:8]]
        )
    )
    def happen(self, event: tuple[str, life.Values]) -> None:
        """One of the methods below; a rule each would leave half of them out of an example, and so what meets there."""
        name, arguments = event
        getattr(self, name)(**arguments)

    def deliver_anything(self, said: life.Values, sent: life.Date, edited: life.Date | None) -> None:
        """Telegram delivers a message or an edit, perhaps with an id that is known."""
        self.deliver(said | {"sent_at": self.date(sent)}, edited)

    def deliver_another_text(self, pick: int, edited: life.Date | None, content: str) -> None:
        """Telegram delivers an edit of what it delivered before, or what was sent first; by an old id, too."""
        said = self.one_of(self.delivered, pick) | life.text(content)
        self.deliver({name: value for name, value in said.items() if name != "edited_at"}, edited)

    def deliver_edit_of_nothing(self, pick: int, number: int, edited: life.Date, table: str) -> None:
        """Telegram delivers an edit of what was never stored where people talk, perhaps of or in what is deleted."""
        said = self.one_of(self.delivered, pick) | {"telegram_message_id": number}
        row = {"chats": self.model.chat_of(said), "users": self.model.person_of(said["telegram_user_id"])}.get(table)
        if row and row.id:
            self.delete_row(table, row)
        self.deliver(said, edited)

    def deliver_again(self, pick: int) -> None:
        """Telegram delivers anything again, as it was."""
        self.deliver(self.one_of(self.delivered, pick))

    def add(self, chat: int, person: int, values: life.Values, sent: life.Date | None, *, is_late: bool) -> None:
        """A service adds a message by botcore's ids, perhaps one that the group was sent that this chat was once."""
        if not self.known():
            return
        chat_row, person_row = self.one_of(self.known(), chat), self.one_of([None, *self.model.people], person)
        was_group = any((chat_row.successor or chat_row) is other.successor for other in self.model.chats)
        values = values | {"sent_at": self.date(sent) if sent else None}
        told = values | {"telegram_chat_id": life.GROUP} if is_late and was_group else values
        number = values["telegram_message_id"]
        stored = values | {"telegram_message_id": -number if number and told is not values else number}
        ids = {"chat_id": chat_row.id, "user_id": person_row and person_row.id}
        self.agree(lambda: self.model.add(chat_row, person_row, stored), self.database.messages.add(**ids, **told))

    def delete(self, table: str, pick: int) -> None:
        """A message, a person or a chat is deleted, perhaps by the id of a chat that became another one."""
        if rows := self.rows(table, pick, is_deleted=False):
            self.delete_row(table, self.one_of(rows, pick))

    def restore_what_fell(self, table: str, pick: int) -> None:
        """A message is deleted, then its person or chat, which is restored at once."""
        if live := self.model.live():
            message = self.one_of(live, pick)
            if parent := message.chat if table == "chats" else message.person:
                self.delete_row("messages", message)
                self.delete_row(table, parent)
                self.agree(lambda: self.model.restore(parent), getattr(self.database, table).restore(**parent.ids()))

    def restore(self, table: str, pick: int) -> None:
        """A message, a person or a chat is restored, likewise."""
        if rows := self.rows(table, pick, is_deleted=True):
            row = self.one_of(rows, pick)
            self.agree(lambda: self.model.restore(row), getattr(self.database, table).restore(**row.ids()))

    def delete_many(self, bot_id: int, connection: str, numbers: list[int]) -> None:
        """Telegram tells that messages were deleted, which it does in business chats."""
        now = self.date()
        self.agree(
            lambda: self.model.delete_many((bot_id, 11, connection), numbers, now),
            self.database.messages.delete_many(
                bot_id=bot_id, telegram_chat_id=11, business_connection_id=connection, telegram_message_ids=numbers
            ),
        )

    def clear(self, pick: int) -> None:
        """A dialogue is cleared; one without a person is none."""
        if self.model.messages:
            message, now = self.one_of(self.model.messages, pick), self.date()
            key = (message.chat, message.person, message.fields["message_thread_id"])
            self.agree(lambda: self.model.clear(*key, now), self.database.messages.clear(**life.dialogue(message)))

    def purge(self, before: life.Date, scope: Literal["all", "hidden"], chat_type: Any) -> None:
        """What is old goes, then the chats and people that are left without any message."""
        date, keep_newest = self.date(before), self.random.random() < 0.8
        messages, chats, users = self.database.messages.purge, self.database.chats.purge, self.database.users.purge
        self.agree(
            lambda: self.model.purge_messages(date, scope, chat_type, keep_newest=keep_newest),
            messages(before=date, scope=scope, chat_type=chat_type, keep_newest=keep_newest),
        )
        self.agree(lambda: self.model.purge_chats(date, chat_type), chats(before=date, chat_type=chat_type))
        self.agree(lambda: self.model.purge_users(date), users(before=date))

    def erase(self, telegram_user_id: int) -> None:
        """A person is erased, known or not."""
        now = self.date()
        self.agree(
            lambda: self.model.erase(telegram_user_id, now),
            self.database.users.erase(telegram_user_id=telegram_user_id),
        )

    def migrate(self, bot_id: int, deleted: list[int]) -> None:
        """A group becomes a supergroup, whichever of them is known or deleted, and perhaps not for the first time."""
        for telegram_chat_id in deleted:
            chat = self.model.chat((bot_id, telegram_chat_id, ""))
            if chat and chat.id:
                self.delete_row("chats", chat)
        now = self.date()
        self.agree(
            lambda: self.model.migrate(bot_id, life.GROUP, life.SUPERGROUP, now),
            self.database.chats.migrate(bot_id=bot_id, telegram_chat_id=life.GROUP, migrate_to_chat_id=life.SUPERGROUP),
        )

    def get_or_create(self, said: life.Values) -> None:
        """A service asks for a person and a chat."""
        if telegram_user_id := said["telegram_user_id"]:
            names = life.only(said, "username", "first_name", "last_name", "language_code")
            self.agree(
                lambda: self.model.get_or_create_user(telegram_user_id, names),
                self.database.users.get_or_create(telegram_user_id=telegram_user_id, **names),
            )
        key = life.only(said, "bot_id", "telegram_chat_id", "business_connection_id")
        values = {"type": said["chat_type"], "title": said["chat_title"]}
        self.agree(
            lambda: self.model.get_or_create_chat(tuple(key.values()), **values),
            self.database.chats.get_or_create(**key, **values),
        )

    def opt(self, telegram_user_id: int, call: str) -> None:
        """A person opts out, or in again."""
        self.agree(
            lambda: getattr(self.model, call)(telegram_user_id),
            getattr(self.database.users, call)(telegram_user_id=telegram_user_id),
        )

    @invariant()
    def reads_agree(self) -> None:
        """Every read gives what the model has, and so nothing that is deleted."""
        for expected, call in life.reads(self.model, self.database, self.random):
            assert life.plain(self.run(call)) == life.plain(expected), life.name(call)

    @invariant()
    def rows_are_sound(self) -> None:
        """No message is lost or stored twice, and none is live under a deleted parent."""
        assert self.connection.execute(SOUND).fetchone() == (len(self.model.messages), 0, 0)

    def deliver(self, said: life.Values, edited: life.Date | None = None) -> None:
        """Telegram delivers this, for the first time or again; of an edit it says which message that is."""
        if edited:
            number = said["telegram_message_id"] or 1
            said = said | {"telegram_message_id": number, "edited_at": self.date(edited)}
        self.delivered.append(said)
        call = "edit" if "edited_at" in said else "record"
        self.agree(lambda: getattr(self.model, call)(said), getattr(self.database.messages, call)(**said))

    def delete_row(self, table: str, row: Any) -> None:
        """Deletes a message, a person or a chat."""
        now = self.date()
        self.agree(lambda: self.model.delete(row, now), getattr(self.database, table).delete(**row.ids()))

    def agree(self, predict: Callable[[], Any], call: life.Call) -> None:
        """Runs a call in the model and in the database: both give the same, or raise the same."""
        self.steps[life.name(call)] += 1
        expected = outcome(predict)
        result = outcome(lambda: self.run(call))
        life.adopt(expected, result)
        assert life.plain(result) == life.plain(expected)

    def one_of(self, rows: list[Any], pick: int) -> Any:
        """One of these rows."""
        return rows[pick % len(rows)]

    def rows(self, table: str, pick: int, *, is_deleted: bool) -> list[Any]:
        """The rows of a table that can be named; mostly only those in which something would change."""
        rows: dict[str, Any] = {"messages": self.model.messages, "users": self.model.people, "chats": self.known()}
        likely = [row for row in rows[table] if bool(row.deleted) == is_deleted]
        return likely if pick % 8 else list(rows[table])

    def known(self) -> list[Chat]:
        """The chats whose ids a result has told: of two that a migration stored, one was never named."""
        return [chat for chat in self.model.chats if chat.id]

    def date(self, date: life.Date = ("now", 0)) -> datetime:
        """A date before, at or after the present by the server's clock, which dates deletions."""
        when, seconds = date
        if when == "now":
            rows = self.connection.execute("SELECT clock_timestamp()").fetchall()
            return cast("datetime", rows[0][0])
        years = timedelta(days=365 * 50 if when == "to come" else 0)
        return SENT_AT + years + timedelta(seconds=seconds)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or which error it raises."""
    try:
        return call()
    except BotcoreError as error:
        return type(error), getattr(error, "kind", "")


@pytest.mark.slow
@pytest.mark.fault("anything in any order: record, edit, delete, restore, clear, migrate, erase, purge")
def test_life_cycle_is_the_models(database_url: str) -> None:
    """Three thousand steps and more: each gives what the model says, and so does what is read after it."""
    steps: Counter[str] = Counter()

    with asyncio.Runner() as runner, psycopg.connect(database_url, autocommit=True) as connection:
        opening = Database.connect(database_url)
        database = runner.run(opening.__aenter__())

        class Here(LifeCycle):
            def __init__(self) -> None:
                super().__init__(runner, database, connection, steps)

        try:
            run_state_machine_as_test(Here, settings=SETTINGS)
        finally:
            runner.run(opening.__aexit__(None, None, None))

    assert steps.total() >= 3_000 or EXAMPLES < 100, steps
