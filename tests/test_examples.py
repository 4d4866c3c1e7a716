"""The programs under examples/ do what they say, on a real server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import uvicorn

from botcore import Database
from examples import fastapi_service
from tests.factories import dialogue, said

EXAMPLES = Path(fastapi_service.__file__).parent


def test_plain_script(empty_database_url: str) -> None:
    """It makes the schema, stores and reads; a second run goes on where the first one ended."""
    for count in (1, 2):
        environment = {**os.environ, "DATABASE_URL": empty_database_url}
        command = [sys.executable, "-W", "error", str(EXAMPLES / "plain_script.py")]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        lines = [f"{number} user: Will it work?" for number in range(1, count + 1)]
        assert (run.returncode, run.stdout.splitlines(), run.stderr) == (0, lines, "")


@pytest.fixture
async def service(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """Who asks the service, which runs as uvicorn runs it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    server = uvicorn.Server(
        uvicorn.Config(fastapi_service.app, port=0, ws="none", log_config=None, timeout_graceful_shutdown=1)
    )
    running = asyncio.create_task(server.serve())
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    [address] = [socket.getsockname() for one in server.servers for socket in one.sockets]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{address[1]}") as session:
        yield session
    server.should_exit = True
    await running


async def test_fastapi_service_adds_and_reads(service: aiohttp.ClientSession, database: Database) -> None:
    """A message goes in and comes out with all its fields."""
    message = (await said(database)).message
    path = f"/chats/{message.chat_id}/messages"

    async with service.post(path, json={"user_id": message.user_id, "content": "Hi"}) as answer:
        assert (answer.status, (await answer.json())["role"]) == (201, "assistant")
    async with service.get(path, params={"page_size": "1"}) as answer:
        [newest] = await answer.json()

    assert (newest["content"], newest["user_id"], newest["deleted_at"]) == ("Hi", message.user_id, None)


async def test_fastapi_service_refuses(
    service: aiohttp.ClientSession, database: Database, connection: psycopg.Connection
) -> None:
    """Who is unknown is not found, a page of none is unprocessable, and a server that is read-only is unavailable."""
    message = (await said(database)).message
    path = f"/chats/{message.chat_id}/messages"

    async with service.post("/chats/0/messages", json={"user_id": message.user_id, "content": "Hi"}) as answer:
        assert (answer.status, await answer.json()) == (404, {"detail": "no chat with chat_id=0"})
    async with service.get(path, params={"page_size": "0"}) as answer:
        assert (answer.status, await answer.json()) == (422, {"detail": "page_size: must be 1..1000, not 0"})
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with service.post(path, json={"user_id": message.user_id, "content": "Hi"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(
    ("chat_id", "last_event_id", "status", "detail"),
    [
        (0, "1", 404, "no chat with chat_id=0"),
        (2**63, "1", 422, "chat_id: does not fit into 64 bits"),
        (None, "-1", 422, f"after_id: must be 0..{2**63 - 1}, not -1"),
        (None, str(2**63), 422, "after_id: does not fit into 64 bits"),
    ],
)
async def test_fastapi_service_refuses_a_follower(
    service: aiohttp.ClientSession,
    database: Database,
    chat_id: int | None,
    last_event_id: str,
    status: int,
    detail: str,
) -> None:
    """What cannot be followed has a status, before any event."""
    chat_id = (await said(database)).message.chat_id if chat_id is None else chat_id

    headers = {"Last-Event-ID": last_event_id}
    async with service.get(f"/chats/{chat_id}/events", headers=headers) as answer, asyncio.timeout(3):
        assert (answer.status, await answer.json()) == (status, {"detail": detail})


async def event(events: aiohttp.ClientResponse) -> dict[str, str]:
    """The next event's fields, a comment's under an empty name."""
    async with asyncio.timeout(3):
        lines = (await events.content.readuntil(b"\n\n")).decode().splitlines()
    return dict(line.split(": ", 1) for line in lines if line)


async def test_fastapi_service_is_followed(service: aiohttp.ClientSession, database: Database) -> None:
    """What is stored is an event; who is cut off comes back with an id, before the first one, too, and misses none."""
    message = (await said(database)).message
    path = f"/chats/{message.chat_id}/events"
    last_id: dict[str, str] = {}
    heard: list[dict[str, Any]] = []

    for content in ("one", "two", "three"):
        async with service.get(path, headers=last_id) as events:
            newest = await event(events)
            if last_id:
                newest = await event(events)
                heard.append(json.loads(newest["data"]))
        last_id = {"Last-Event-ID": newest["id"]}
        await database.messages.add(**dialogue(message), role="assistant", content=content)

    assert [each["content"] for each in heard] == ["one", "two"]


async def test_fastapi_service_keeps_a_quiet_follower(
    service: aiohttp.ClientSession, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment now and then, so that nothing on the way takes the connection for a dead one, until something comes."""
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    message = (await said(database)).message

    async with service.get(f"/chats/{message.chat_id}/events") as events:
        await event(events)
        quiet = [await event(events), await event(events)]
        await database.messages.add(**dialogue(message), role="assistant", content="one")
        while "data" not in (new := await event(events)):
            pass

    assert quiet == [{"": "ping"}] * 2
    assert json.loads(new["data"])["content"] == "one"
