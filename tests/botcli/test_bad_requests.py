"""Ten thousand requests that no client would make, to every route: none is answered by a 5xx, and nothing stays."""

import asyncio
import gc
import gzip
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from random import Random
from typing import Any

import pytest
from aiogram import Bot

from botcli import http, webhook
from botcli.metrics import BotMetrics
from botcli.probes import Probes
from botcore import Database
from tests.botcli.bot_api import BOT_ID

SECRET = "secret"  # noqa: S105 - nobody's
HEADER = b"X-Telegram-Bot-Api-Secret-Token: "

METHODS = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"PATCH",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"post",
    b"",
    b"\xff",
]
PATHS = [
    *[b"/live", b"/health", b"/ready", b"/metrics", *[b"/telegram"] * 12, b"/", b"*", b"", b"//"],
    *[b"/health/../live", b"/live?%zz=%ff", b"/%00", b"/%ff%fe", b"/\xff", b"/live;a=b", b"/live#x", b"http://[/live"],
    *[
        b"http://x/live",
        b"/live\x00",
        b"/" + b"a" * 9_000,
        b"/ready?" + b"a=b&" * 1_000,
        b"/telegram/{x}",
        b"../../etc",
    ],
]
VERSIONS = [*[b" HTTP/1.1"] * 60, b" HTTP/1.0", b" HTTP/0.9", b" HTTP/2.0", b" HTTP/99999999999.1", b" FTP/1.1", b""]
HEADERS = [
    *[HEADER + SECRET.encode()] * 6,
    *[HEADER + other for other in (b"", b"other", b"\xff\xfe", b"x" * 9_000)],
    *[b"Host: [", b"Host: a\xff", b"Host:", b"Content-Type: multipart/form-data", b"Content-Type: a; charset=\xff"],
    *[b"Content-Encoding: " + kind for kind in (b"gzip", b"deflate", b"br", b"zstd", b"nonsense")],
    *[b"Transfer-Encoding: " + kind for kind in (b"chunked", b"gzip, chunked", b"chunked, chunked", b"\xff")],
    *[b"Content-Length: " + size for size in (b"-1", b"1e3", b"99999999999999999999", b"0", b"+5", b"5, 5", b"\xb2")],
    *[b"Expect: 100-continue", b"Expect: x", b"Upgrade: websocket\r\nConnection: upgrade", b"Connection: \xff"],
    *[b"Cookie: " + b"a=" * 500, b"Range: bytes=9-1", b"If-Modified-Since: \xff", b"Authorization: Basic \xff"],
    *[
        b"no colon",
        b"a\x00b: c",
        b"a: b\x00c",
        b" folded: x",
        b": x",
        b"a" * 9_000 + b": x",
        b"a: b\r\n" * 200 + b"a: b",
    ],
]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63 - 1,
    2**63,
    2**70,
    "",
    "x",
    "\0",
    "\ud800",
    "\u202e",
    [],
    {},
    [[]],
    {"": {}},
]
KEYS = ["message", "edited_message", "chat", "from", "id", "message_id", "date", "text", "my_chat_member", "x\0", ""]


def plain(text: bytes, *headers: bytes) -> bytes:
    """A body behind its length and other headers."""
    return b"\r\n".join([b"Content-Length: %d" % len(text), *headers, b"", text])


GZIP = b"Content-Encoding: gzip"
BODIES = [
    *[
        plain(text)
        for text in (b"", b"{", b"[]", b"NaN", b'{"update_id": 1e999}', b"\xff", b"[" * 20_000, b"9" * 5_000)
    ],
    *[plain(gzip.compress(text), GZIP) for text in (b"{}", b" " * 5_000_000)],
    *[plain(text, GZIP) for text in (b"{}", gzip.compress(b"{}")[:-5])],
    *[
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        for chunks in (b"2\r\n{}\r\n0\r\n\r\n", b"fffffffff\r\n", b"x\r\n")
    ],
    plain(b" " * 2_000_000),
]


def value(random: Random, depth: int = 4) -> Any:
    """Something of JSON, which looks like a part of an update here and there."""
    if not depth or random.random() < 0.4:
        return random.choice(ODD)
    return {random.choice(KEYS): value(random, depth - 1) for _ in range(random.randrange(4))}


def body(random: Random) -> bytes:
    """What stands where an update should, with the end of the headers before it."""
    update = {"update_id": random.choice([*ODD, *range(1, 50)]), "message": value(random)}
    text = json.dumps(update).encode()
    kind = random.randrange(8)
    if kind == 0:
        return random.choice(BODIES)
    if kind == 1:
        text = text[: random.randrange(len(text))]
    elif kind == 2:
        text = random.randbytes(random.randrange(2_000))
    return plain(text)


def request(random: Random) -> bytes:
    """Bytes for a socket: every part is odd in some, a few are noise from the first one on."""
    if random.random() < 0.02:
        return random.randbytes(random.randrange(1, 500)) + b"\r\n\r\n"
    headers = [b"Host: x", b"Connection: close"]
    if random.random() < 0.3:
        headers += random.sample(HEADERS, random.randrange(1, 4))
    if random.random() < 0.5:
        headers.append(HEADER + SECRET.encode())
    if random.random() < 0.1:
        random.shuffle(headers)
        headers.pop()
    line = random.choice([b"GET", b"POST", b"POST", random.choice(METHODS)]) + b" " + random.choice(PATHS)
    return b"\r\n".join([line + random.choice(VERSIONS), *headers, body(random)])


@pytest.fixture
async def port(bot: Bot, database: Database) -> AsyncIterator[int]:
    """Where a bot listens, with all of its routes."""
    probes = Probes(bot, asyncio.Event())
    store = partial(database.updates.add, bot_id=BOT_ID, worker="w", capacity=0)
    routes = [
        *probes.routes(),
        webhook.route(lambda updates: store(updates=updates), secret=SECRET, path="/telegram"),
        *BotMetrics().routes(),
    ]
    with probes.of(database):
        async with http.serve(http.build_application(routes), "127.0.0.1", 0) as port:
            yield port
    await probes.close()


async def answer(port: int, sent: bytes) -> int | None:
    """The status; None where the server waits for more, or just hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(0.3):
            line = await reader.readline()
        return int(line.split()[1]) if line else None
    except (TimeoutError, ConnectionError):
        return None
    finally:
        writer.transport.abort()


async def answers(port: int, random: Random, number: int) -> Counter[int | None]:
    """How often each status came, twenty requests at a time."""
    found = Counter[int | None]()
    left = iter(range(number))

    async def ask() -> None:
        for _ in left:
            sent = request(random)
            status = await answer(port, sent)
            assert status is None or status < 500, (status, sent[:2_000])
            found[status] += 1

    await asyncio.gather(*(ask() for _ in range(20)))
    return found


@pytest.mark.slow
async def test_ten_thousand_bad_requests(port: int, database: Database) -> None:
    """No answer is a 5xx, memory stays as it is, and afterwards the bot is as well as before."""
    random = Random(6)  # noqa: S311 - a repeatable one

    await answers(port, random, 1_000)
    gc.collect()
    before = sys.getallocatedblocks()
    found = await answers(port, random, 9_000)
    gc.collect()
    grown = sys.getallocatedblocks() - before

    # all of the ways in were tried
    assert {200, 400, 401, 404, 405, 413} <= set(found)
    assert found[None] < 1_000
    assert grown < before / 50
    assert await answer(port, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n") == 200
    await database.ping()
