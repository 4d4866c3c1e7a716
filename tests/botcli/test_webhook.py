"""The webhook over real HTTP: what Telegram posts is stored, what anybody else posts is refused."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from botcli import http, webhook
from botcore import BotcoreError, InvalidInput, Unavailable

SECRET = "canary-secret_1"  # noqa: S105 - a canary
PATH = "/canary-path"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
UPDATE = {"update_id": 1, "message": {"text": "private words"}}


class Updates:
    """A store as the database's: it refuses what is no update, and can be broken."""

    def __init__(self) -> None:
        self.stored = list[dict[str, Any]]()
        self.error: Exception | None = None

    async def add(self, updates: Sequence[dict[str, Any]]) -> None:
        """Takes the updates, or raises."""
        if self.error:
            raise self.error
        for update in updates:
            number = update.get("update_id")
            if not isinstance(number, int) or not 0 <= number < 2**63:
                raise InvalidInput("update_id", "must be a number of 64 bits")
            self.stored.append(update)


@pytest.fixture
def updates() -> Updates:
    """What the webhook stores into."""
    return Updates()


@pytest.fixture
async def url(updates: Updates) -> AsyncIterator[str]:
    """Where it listens."""
    application = http.build_application([webhook.route(updates.add, secret=SECRET, path=PATH)])
    async with http.serve(application, host="127.0.0.1", port=0) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who posts."""
    async with aiohttp.ClientSession(headers={HEADER: SECRET}) as session:
        yield session


async def post(
    client: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """The status and the answer."""
    async with client.post(url + PATH, data=body, headers=headers) as response:
        return response.status, await response.read()


async def raw(url: str, *parts: bytes, pause_seconds: float = 0.0) -> bytes:
    """What comes back for bytes that no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    for part in parts:
        writer.write(part)
        await asyncio.sleep(pause_seconds)
    answer = await reader.readline()
    writer.close()
    return answer


def head(*headers: str, secret: bytes = SECRET.encode(), method: str = "POST") -> bytes:
    """The beginning of a request."""
    lines = [f"{method} {PATH} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(lines).encode() + b"\r\n" + HEADER.encode() + b": " + secret + b"\r\n\r\n"


async def chunked(size: int) -> AsyncIterator[bytes]:
    """A body of which nobody knows the length."""
    for _ in range(size // 65_536):
        yield b" " * 65_536


async def test_post(url: str, client: aiohttp.ClientSession, updates: Updates) -> None:
    """An update is stored as it came, and acknowledged by an empty answer."""
    assert await post(client, url, json.dumps(UPDATE)) == (200, b"")

    assert updates.stored == [UPDATE]


async def test_post_as_long_as_may_be(url: str, client: aiohttp.ClientSession, updates: Updates) -> None:
    """One megabyte is taken, as it is, in chunks and compressed."""
    body = json.dumps(UPDATE).encode().ljust(http.BODY_BYTES)

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    assert await post(client, url, body) == (200, b"")
    assert await post(client, url, chunks()) == (200, b"")
    assert await post(client, url, gzip.compress(body), {"Content-Encoding": "gzip"}) == (200, b"")
    assert updates.stored == [UPDATE] * 3


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "1", SECRET.upper(), "geheim-ü", "\udcff"])
async def test_post_without_the_secret(url: str, updates: Updates, secret: str | None) -> None:
    """Another secret or none is refused, be it text or not, before the body is there."""
    request = head("Content-Length: 1000000000", secret=(secret or "").encode("utf-8", "surrogateescape"))
    if secret is None:
        request = request.replace(HEADER.encode(), b"X-Other")

    assert (await raw(url, request)).split()[1] == b"401"
    assert updates.stored == []


async def test_post_from_an_address_that_is_told(url: str, updates: Updates) -> None:
    """A forwarded-for header is worth nothing."""
    request = head("X-Forwarded-For: 149.154.160.1", "X-Real-IP: 149.154.160.1", "Content-Length: 0", secret=b"x")

    assert (await raw(url, request)).split()[1] == b"401"
    assert updates.stored == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"{}",
        b'{"update_id": "1"}',
        b'{"update_id": 1.5}',
        b'{"update_id": %d}' % 2**70,
        b'{"update_id": 1%s}' % (b"0" * 5_000),
        b'{"update_id": NaN}',
        b'{"update_id": 1, "x": -Infinity}',
        b'{"update_id": 1, "x": "\xff"}',
        json.dumps(UPDATE).encode("utf-16"),
        b'{"update_id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"x":' * 100_000,
    ],
    ids=lambda body: body[:24].decode(errors="replace"),
)
async def test_post_of_something_else(url: str, client: aiohttp.ClientSession, updates: Updates, body: bytes) -> None:
    """What is no update in JSON is refused, and nothing of it is stored."""
    status, _ = await post(client, url, body)

    assert status == 400
    assert updates.stored == []


@pytest.mark.parametrize("kind", ["told", "chunked", "bomb"])
async def test_post_of_too_much(url: str, client: aiohttp.ClientSession, updates: Updates, kind: str) -> None:
    """Two megabytes are refused, whether the length is told, in chunks, or unpacked."""
    bomb = gzip.compress(b" " * 200 * 1024 * 1024, 1)
    bodies: dict[str, Any] = {"told": BytesIO(b" " * 2**21), "chunked": chunked(2**21), "bomb": bomb}
    headers = {"Content-Encoding": "gzip"} if kind == "bomb" else {}

    status, _ = await post(client, url, bodies[kind], headers)

    assert status == 413
    assert updates.stored == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        head("Content-Length: 5", "Content-Encoding: gzip") + b"hello",
        head("Content-Length: 5", "Content-Encoding: deflate") + b"hello",
        head("Transfer-Encoding: chunked") + b"zz\r\nhello",
        head("Content-Length: -1"),
        head("Content-Length: 5", "Transfer-Encoding: chunked") + b"hello",
        b"GET canary-secret_1\r\n\r\n",
        b"\x16\x03\x01 canary-secret_1 \r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_post_of_no_http(url: str, updates: Updates, request_bytes: bytes) -> None:
    """What is wrong below the JSON is refused too."""
    assert (await raw(url, request_bytes)).split()[1] == b"400"

    assert updates.stored == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 405), ("PUT", PATH, 405), ("POST", "/", 404), ("POST", PATH + "/", 404), ("POST", PATH + "x", 404)],
)
async def test_other_requests(
    url: str, client: aiohttp.ClientSession, updates: Updates, method: str, path: str, status: int
) -> None:
    """There is one path, to post to."""
    async with client.request(method, url + path, data=json.dumps(UPDATE)) as response:
        assert response.status == status

    assert updates.stored == []


@pytest.mark.parametrize(
    "error", [Unavailable("the server is starting"), BotcoreError("private words"), ZeroDivisionError("private words")]
)
async def test_post_that_cannot_be_stored(
    url: str, client: aiohttp.ClientSession, updates: Updates, error: Exception
) -> None:
    """Telegram is told to come again, and then it is stored."""
    updates.error = error

    async with client.post(url + PATH, json=UPDATE) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert "private" not in await response.text()
    updates.error = None

    assert await post(client, url, json.dumps(UPDATE)) == (200, b"")
    assert updates.stored == [UPDATE]


async def test_post_that_trickles(url: str, updates: Updates, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come is not waited for."""
    monkeypatch.setattr(webhook, "BODY_SECONDS", 0.2)

    answer = await raw(url, head("Content-Length: 100"), *[b" "] * 10, pause_seconds=0.05)

    assert answer.split()[1] == b"408"
    assert updates.stored == []


async def test_post_that_breaks_off(url: str, client: aiohttp.ClientSession, updates: Updates) -> None:
    """Who goes away in the middle of a body leaves nothing behind."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(head("Content-Length: 100") + b'{"update_id": 1')
    await writer.drain()
    assert writer.transport
    writer.transport.abort()

    assert await post(client, url, json.dumps(UPDATE)) == (200, b"")
    assert updates.stored == [UPDATE]


async def test_log_of_all_that(
    url: str, client: aiohttp.ClientSession, updates: Updates, caplog: pytest.LogCaptureFixture
) -> None:
    """No line shows the secret, the path or a body, whatever the request was."""
    caplog.set_level(logging.DEBUG)
    updates.error = BotcoreError("private words")

    await post(client, url, json.dumps(UPDATE))
    await post(client, url, b"private words")
    await raw(url, b"POST private words\r\n\r\n")
    await raw(url, head("Content-Length: 5", "Content-Encoding: gzip") + b"private words")

    lines = caplog.text + str([record.__dict__ for record in caplog.records])
    assert caplog.messages.count("update not stored") == 1
    assert "botcore.errors.BotcoreError" in lines
    assert "private" not in lines
    assert "canary" not in lines


async def test_serve_ends(updates: Updates) -> None:
    """A request in work is finished at the end, and nobody listens any more."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(given: Sequence[dict[str, Any]]) -> None:
        entered.set()
        await leave.wait()
        await updates.add(given)

    application = http.build_application([webhook.route(slow, secret=SECRET, path=PATH)])
    async with aiohttp.ClientSession(headers={HEADER: SECRET}) as client:
        async with http.serve(application, host="127.0.0.1", port=0) as port:
            url = f"http://127.0.0.1:{port}"
            posted = asyncio.create_task(post(client, url, json.dumps(UPDATE)))
            await entered.wait()
            asyncio.get_running_loop().call_later(0.2, leave.set)
        assert (await posted)[0] == 200
        with pytest.raises(aiohttp.ClientError):
            await post(client, url, json.dumps(UPDATE))

    assert updates.stored == [UPDATE]


async def test_serve_where_somebody_is(url: str) -> None:
    """A port that is taken is an error that names the settings."""
    port = int(url.rpartition(":")[2])

    with pytest.raises(BotcoreError, match=f"^HTTP_HOST, PORT: cannot listen on 127.0.0.1, {port}: Address already"):
        async with http.serve(http.build_application([]), host="127.0.0.1", port=port):
            pass
