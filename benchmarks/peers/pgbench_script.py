"""What pgbench runs: the files of sql/ with its placeholders, and where their values come from."""

from typing import Any, Final

from benchmarks.contender import ANSWER, PAGE, Chat, person_and_chat, question
from benchmarks.peers import statements
from botcore import queries
from botcore.messages import NEWEST

# what psql says for none, which pgbench has to as well
_NONE: Final = {"bigint": 0, "text": "", "timestamptz": "infinity"}
_RECENT: Final = {"message_thread_id": 0, "before_id": NEWEST, "page_size": PAGE}
_ANSWER: Final = {"role": "assistant", "content": ANSWER}

# A client goes round the chats that are its own. Texts cannot be \set, and -D takes none that is empty.
_SETUP: Final = r"""
\if :is_new
{texts}
\set is_new 0
\endif
\set own (:chats - :client_id + :clients - 1) / :clients
\set place :client_id + :clients * (:round % :own)
\set round :round + 1
\set number :number + 2 * :clients
\set telegram_message_id :number + 2 * :client_id
\set record_telegram_message_id :telegram_message_id
\set record_telegram_user_id :telegram_id + :place
\set record_telegram_chat_id :telegram_id + :place
\set recent_chat_id :chat_id + :place
\set recent_user_id :user_id + :place
"""
_RECORD: Final = statements.prefixed(statements.RECORD, "record_")
_RECENT_20: Final = statements.prefixed(statements.RECENT, "recent_")
_ADD: Final = rf"""
\set add_chat_id :recorded_chat_id
\set add_user_id :recorded_user_id
\set add_reply_to_id :recorded_id
\set add_telegram_message_id :telegram_message_id + 1
{statements.prefixed(statements.ADD, "add_")}
"""
_TURN: Final = _RECORD.rstrip().removesuffix(";") + "\n\\gset recorded_\n" + _RECENT_20 + _ADD
_SCRIPTS: Final = {"record": _RECORD, "history": _RECENT_20, "turn": _TURN}


def script(chat: Chat, operation: str) -> str:
    """Of one operation; what all chats have in common is taken from this one."""
    return _SETUP.format(texts=_gset(_texts(chat, operation))) + _SCRIPTS[operation]


def _texts(chat: Chat, operation: str) -> dict[str, Any]:
    """Every value that does not change, under its script's prefix."""
    record: dict[str, Any] = {"kind": "text", **person_and_chat(chat), **question(0)}
    given = {"record": record, "recent": _RECENT, "add": _ANSWER}
    scripts = {"record": ["record"], "history": ["recent"], "turn": ["record", "recent", "add"]}[operation]
    return {f"{script}_{name}": value for script in scripts for name, value in _values(script, given[script]).items()}


def _values(script: str, given: dict[str, Any]) -> dict[str, Any]:
    parameters = queries.load(f"messages/{script}").parameters
    found = {name: given.get(name) for name in parameters}
    return {name: _NONE[parameters[name].type] if value is None else value for name, value in found.items()}


def _gset(values: dict[str, Any]) -> str:
    return "SELECT " + ", ".join(f"{_literal(value)} AS {name}" for name, value in values.items()) + "\n\\gset"


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
