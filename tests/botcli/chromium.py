"""A headless Chromium, driven by its own protocol: what a page shows, what it says on its console, whom it asks."""

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

PROGRAM: Final = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--remote-debugging-port=0",
)
_START_SECONDS: Final = 30


class Page:
    """One tab; `asked` has the address of each request of its pages, `complaints` what its console says is wrong."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.asked = list[str]()
        self.complaints = list[str]()
        self._socket = socket
        self._answers = dict[int, asyncio.Future[dict[str, Any]]]()

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command of https://chromedevtools.github.io/devtools-protocol/ gives."""
        number = len(self._answers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(self._answers[number], 30)

    async def evaluate(self, expression: str) -> Any:
        """The value of the expression on the page."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    async def until(self, expression: str, timeout_seconds: float = 20.0) -> None:
        """Returns when that is true on the page."""
        async with asyncio.timeout(timeout_seconds):
            while True:
                if await self.evaluate(expression):
                    return
                await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        """Goes to the address, which may differ from the one before in its fragment alone."""
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def look(self, width: int, height: int, scheme: str = "light") -> None:
        """As on a screen of that size, in the person's colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def picture(self) -> bytes:
        """A PNG of what is on the screen."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    async def listen(self) -> None:
        """Takes in what the browser says until it ends."""
        async for message in self._socket:
            self._take(message.json())

    def _take(self, said: dict[str, Any]) -> None:
        parameters = said.get("params", {})
        match said.get("method"):
            case None:
                self._answers[said["id"]].set_result(said.get("result", {"error": said.get("error")}))
            case "Network.requestWillBeSent":
                self.asked.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(parameters["args"]))


@asynccontextmanager
async def browse(folder: Path) -> AsyncIterator[Page]:
    """A browser with one tab for as long as the block runs; its profile is in the folder, which is new."""
    assert PROGRAM
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(folder)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/json/list") as tabs:
            address = next(tab["webSocketDebuggerUrl"] for tab in await tabs.json() if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=2**26) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
                listening.cancel()
    finally:
        process.terminate()
        await process.wait()


async def _port(folder: Path) -> int:
    file = folder / "DevToolsActivePort"
    async with asyncio.timeout(_START_SECONDS):
        while True:
            if file.exists() and (lines := file.read_text().split()):
                return int(lines[0])
            await asyncio.sleep(0.05)
