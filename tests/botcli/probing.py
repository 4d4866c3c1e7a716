"""What an orchestrator asks a bot."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.botcli.bot_api import TOKEN

SECRET = TOKEN.partition(":")[2]


async def told(client: aiohttp.ClientSession, url: str, method: str = "GET") -> tuple[int, Any]:
    """The status and what the answer says, which nobody may keep and which shows no token."""
    async with client.request(method, url) as response:
        text = await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        assert SECRET not in text + str(response.headers)
        return response.status, json.loads(text or "null")


async def until_told(client: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    """The first answer of a process that starts."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await told(client, url)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)
