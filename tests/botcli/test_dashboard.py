"""`botcli dashboard`: figures for who has the key, on this machine alone, and a page that draws them."""

import asyncio
import hashlib
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from yarl import URL

from botcli import dashboard as page
from botcli import http
from botcli.cli.dashboard import dashboard
from botcli.dashboard import HOST, Dashboard
from botcore import BotcoreError, Database, InvalidInput, Unavailable
from tests import roles
from tests.botcli import chromium
from tests.factories import dialogue, person, said

_LEGENDS = """Object.fromEntries(["messages", "tokens", "answers"].map((id) => {
  const legend = document.querySelector(`#${id} .u-legend`);
  legend.scrollIntoView();
  const { left, top } = legend.querySelector(".u-series:last-child .u-label").getBoundingClientRect();
  return [id, legend.contains(document.elementFromPoint(left + 1, top + 1))];
}))"""
_RECOLOURED = """
say("away", "gone");
redraw();
[document.body.dataset.state, document.querySelectorAll(".chart canvas").length]"""
_FAILURES = [('{"error": "gone"}', 503), ("500 Internal Server Error", 500), ('{"error": "wrong"}', 400)]
_FAILING = """(async () => {
  const [ask, wait] = [fetch, setTimeout], waits = [];
  fetch = () => new Promise((end) => wait(() => end(new Response('%s', { status: %d })), 500));
  setTimeout = (_, milliseconds) => waits.push(milliseconds);
  await refresh();
  [fetch, setTimeout] = [ask, wait];
  const notice = document.getElementById("notice").innerText.replace(/\\d+ s/, "N s");
  return [notice, waits.some((each) => each > 4_000 && each < 60_000)];
})()"""
HOSTILE = "<img src=x onerror=alert(1)>\u202e Engines"


@dataclass
class Served:
    """A dashboard of bot 1, and whoever asks it."""

    url: str
    key: str
    client: aiohttp.ClientSession

    async def figures(self, days: str = "7", **headers: str) -> tuple[int, dict[str, Any]]:
        """The status and what is told, to who has the key unless the headers say otherwise."""
        given = {"Authorization": f"Bearer {self.key}"} | headers
        async with self.client.get(f"{self.url}/figures", params={"days": days}, headers=given) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(database: Database, client: aiohttp.ClientSession) -> AsyncIterator[Served]:
    """A dashboard of that database for as long as the block runs."""
    shown = Dashboard(database, 1, "Europe/Berlin")
    async with http.serve(shown.application(), HOST, 0) as port:
        yield Served(f"http://{HOST}:{port}", shown.key, client)


@pytest.fixture
async def served(database: Database, client: aiohttp.ClientSession) -> AsyncIterator[Served]:
    """A dashboard of the test's database."""
    async with serving(database, client) as opened:
        yield opened


@pytest.fixture
async def talk(database: Database) -> None:
    """A question in a group an hour ago, answered after 4 s by a model."""
    sent_at = datetime.now(UTC) - timedelta(hours=1)
    group = {"telegram_chat_id": -5, "chat_type": "group", "chat_title": HOSTILE}
    asked = (await said(database, **group, sent_at=sent_at)).message
    answer: dict[str, Any] = {"content": "Hello", "reply_to_id": asked.id, "sent_at": sent_at + timedelta(seconds=4)}
    await database.messages.add(**dialogue(asked), role="assistant", **answer)
    await database.usage.add(user_id=person(asked), bot_id=1, input_tokens=12_345, output_tokens=67, at=sent_at)


@pytest.mark.usefixtures("talk")
async def test_figures_for_who_has_the_key(served: Served) -> None:
    """All that the page draws, of the days that it asks for."""
    status, told = await served.figures("7")

    figures = told["figures"]
    assert status == 200
    assert sorted(figures) == sorted(page.FIGURES)
    assert (told["bot_id"], told["time_zone"], told["days"], len(figures["daily"])) == (1, "Europe/Berlin", 7, 7)
    assert sum(day["user_messages"] for day in figures["daily"]) == 1
    assert figures["answer_times"][-1]["median_milliseconds"] == 4_000
    assert figures["top_chats"][0]["title"] == HOSTILE


async def test_figures_without_the_key(served: Served) -> None:
    """Nothing is told, not even whether the words of the question are right."""
    for given in ("", "Bearer ", "Bearer wrong", "Bearer \u00fc", "{key}", "Bearer {key}x", "Basic {key}"):
        status, told = await served.figures("no days", Authorization=given.format(key=served.key))

        assert (given, status, list(told)) == (given, 401, ["error"])


async def test_figures_of_other_days(served: Served) -> None:
    """What the page does not offer is refused: nobody makes the database read ten years."""
    wrong = ("", "0", "31", "-7", "7 ", "99999999999999999999")

    assert [(await served.figures(days))[0] for days in wrong] == [400] * len(wrong)


async def test_page_by_another_name(served: Served) -> None:
    """Whom a stranger's name led to this machine gets nothing, whatever key they give."""
    port = served.url.rpartition(":")[2]
    strange = (
        f"evil.example:{port}",
        f"{HOST}.evil.example:{port}",
        f"{HOST}:1",
        f"{HOST}@evil:{port}",
        f"[::1]:{port}",
    )
    for host, path in product(strange, ("/", "/figures", "/nothing")):
        headers = {"Host": host, "Authorization": f"Bearer {served.key}"}
        async with served.client.get(served.url + path, headers=headers) as answer:
            assert (host, path, answer.status, list(await answer.json())) == (host, path, 421, ["error"])


@pytest.mark.usefixtures("talk")
async def test_headers_of_all_that_is_served(served: Served) -> None:
    """The page runs its own script alone, asks nobody else and is kept nowhere; it has no figure and no key itself."""
    for path in (*page._FILES, "/figures", "/uplot/%2e%2e/%2e%2e/dashboard.py", "/%2e%2e/dashboard.py"):
        async with served.client.get(URL(served.url + path, encoded=True)) as answer:
            assert answer.url.raw_path == path
            assert (answer.status == 404) is ("%" in path)
            headers, body = answer.headers, await answer.text()

        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert not {name for name in headers if name.startswith("Access-Control")}
        assert served.key not in body
        assert "Engines" not in body


async def test_page_is_only_read(served: Served) -> None:
    """There is nothing to send to it."""
    async with served.client.post(f"{served.url}/figures", headers={"Authorization": f"Bearer {served.key}"}) as answer:
        assert answer.status == 405


@pytest.mark.usefixtures("talk")
async def test_figures_are_read_in_a_read_only_transaction(served: Served, connection: psycopg.Connection) -> None:
    """Whatever the role may: a table that shows its rows to such transactions alone has them."""
    connection.execute("ALTER TABLE usage RENAME TO used")
    connection.execute(
        "CREATE VIEW usage AS SELECT * FROM used WHERE current_setting('transaction_read_only')::boolean"
    )
    connection.execute("GRANT SELECT ON usage TO PUBLIC")

    _, told = await served.figures("7")

    assert sum(day["output_tokens"] for day in told["figures"]["tokens"]) == 67


@pytest.mark.role("superuser")
@pytest.mark.usefixtures("settings")
async def test_dashboard_until_ctrl_c(
    capsys: pytest.CaptureFixture[str],
    client: aiohttp.ClientSession,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It prints the address with a new key, once, ends where it is told to, and needs no more than the reader may."""
    monkeypatch.setenv("DATABASE_URL", roles.url_of("reader", database_url))
    runs = asyncio.create_task(dashboard(bot=1))
    out = ""
    async with asyncio.timeout(20):
        while not (found := re.fullmatch(r"(http://127\.0\.0\.1:\d+)/#([\w-]{43})\n", out)):
            await asyncio.sleep(0.02)
            out += capsys.readouterr().out
    status, _ = await Served(found[1], found[2], client).figures()

    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(runs, 20)

    assert status == 200
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("settings", "database_url")
async def test_dashboard_on_a_port_that_is_taken(served: Served) -> None:
    """The option is named, and why it cannot be."""
    port = int(served.url.rpartition(":")[2])

    with pytest.raises(BotcoreError, match=rf"^--port: cannot listen on 127\.0\.0\.1, {port}: Address already in use$"):
        await dashboard(port=port)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("--port", {"port": 65_536}),
        ("--bot", {"bot": 99_999_999_999_999_999_999}),
        ("--bot", {"bot": -2}),
        ("--zone", {"zone": "Mars/Olympus"}),
        ("--replica", {"replica": True}),
    ],
)
async def test_dashboard_with_wrong_words(field: str, wrong: dict[str, Any]) -> None:
    """What cannot be is refused by its name, before anything is opened."""
    with pytest.raises(InvalidInput) as refused:
        await dashboard(**wrong)

    assert refused.value.field == field


@pytest.mark.usefixtures("settings")
async def test_dashboard_without_a_database() -> None:
    """It does not begin, and says what is not there."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await dashboard()


def test_uplot_is_as_it_was_fetched() -> None:
    """What is said of its files' version and digests is so."""
    folder = Path(page.__file__).parent / "page" / "uplot"
    listed = re.findall(r"^sha256 (\w{64})  (\S+)$", (folder / "VERSION").read_text(), re.MULTILINE)

    assert {name for _, name in listed} == {path.name for path in folder.iterdir()} - {"VERSION"}
    assert [name for digest, name in listed if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest] == []
    assert "(v1.6.32)" in (folder / "uPlot.iife.min.js").read_text()[:100]


@pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no chromium here")
@pytest.mark.usefixtures("talk")
async def test_page_in_a_browser(served: Served, tmp_path: Path) -> None:
    """The figures arrive and are drawn; a title is text; nobody else is asked; without the key nothing is shown."""
    async with chromium.browse(tmp_path / "profile") as tab:
        await tab.open(f"{served.url}/#{served.key}")
        await tab.until("document.body.dataset.state === 'ready'")
        totals = await tab.evaluate("document.getElementById('totals').innerText")
        chats = await tab.evaluate("document.getElementById('chats').innerText")
        drawn = await tab.evaluate("[...document.querySelectorAll('.chart canvas')].filter(c => c.width > 99).length")
        hours = await tab.evaluate("document.querySelectorAll('.heat td[title$=\", 1 messages\"]').length")
        await tab.look(400, 800, "dark")
        await tab.until("innerWidth === 400 && document.documentElement.scrollWidth <= 400")
        asked, complaints = set(tab.asked), list(tab.complaints)
        legends = await tab.evaluate(_LEGENDS)
        recoloured = await tab.evaluate(_RECOLOURED)
        failing = [await tab.evaluate(_FAILING % failure) for failure in _FAILURES]

        await tab.call("Page.navigate", url="about:blank")
        asked_before = len(tab.asked)
        await tab.open(f"{served.url}/")
        await tab.until("document.body.dataset.state === 'locked'")
        without = await tab.evaluate("document.body.innerText")
        asked_without = tab.asked[asked_before:]
        await tab.open(f"{served.url}/#wrong")
        await tab.until("document.body.dataset.state === 'locked'")

    assert re.search(
        r"Messages of people\s+1\s.*Half answered within\s+4 s\s+Tokens read\s+12,345\s", totals, re.DOTALL
    )
    assert HOSTILE in chats
    assert (drawn, hours) == (4, 1)
    # of the bars that stand on others none can be taken away
    assert legends == {"messages": False, "tokens": False, "answers": True}
    assert recoloured == ["away", 4]
    # nine times the half second that the answer took; or not again
    assert failing == [
        ["gone. Trying again in N s. What is shown is older.", True],
        ["botcli dashboard failed; its terminal says why. Trying again in N s. What is shown is older.", True],
        ["wrong.", False],
    ]
    assert asked == {f"{served.url}{path}" for path in [*page._FILES, "/figures?days=30"]}
    assert complaints == []
    assert "Open the address that botcli dashboard printed" in without
    assert "Messages" not in without
    assert asked_without
    assert not [url for url in asked_without if "/figures" in url]
