"""The HTTP server where a route of its own fails."""

import aiohttp
import pytest
from aiohttp import web

from botcli import http


async def test_route_that_fails(client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    """Who asks learns nothing of it; the log has the error, and not its words."""

    async def fail(_: web.Request) -> web.Response:
        raise ZeroDivisionError("private words")

    async with http.serve(http.build_application([web.get("/", fail)]), "127.0.0.1", 0) as port:
        async with client.get(f"http://127.0.0.1:{port}/") as response:
            assert response.status == 500
            assert "private" not in await response.text()

    assert caplog.messages == ["a request failed"]
    assert caplog.records[0].exc_info
    assert caplog.records[0].exc_info[0] is ZeroDivisionError
