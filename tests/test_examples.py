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


async def test_fastapi_service_is_followed(service: aiohttp.ClientSession, database: Database) -> None:
    """What is stored is an event; who comes back with the last one's id gets what came since, and nothing twice."""
    message = (await said(database)).message
    path = f"/chats/{message.chat_id}/events"
    heard: list[dict[str, Any]] = []

    for content in ("one", "two"):
        await database.messages.add(**dialogue(message), role="assistant", content=content)
        async with service.get(
            path, headers={"Last-Event-ID": str(heard[-1]["id"] if heard else message.id)}
        ) as events:
            async with asyncio.timeout(20):
                await events.content.readline()
                heard.append(json.loads((await events.content.readline()).removeprefix(b"data: ")))

    assert [event["content"] for event in heard] == ["one", "two"]
