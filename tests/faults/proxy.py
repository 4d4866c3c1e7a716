"""A network between a client and the server's socket that can be slow, silent or rude."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Set what is to happen to the bytes: `latency_seconds` before each piece, silence, or a reset for an answer."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.port = 0
        self.latency_seconds = 0.0
        self.reset_on: bytes | None = None
        """The next answer that holds this never arrives: its connection is reset instead."""
        self.flows = asyncio.Event()
        """Cleared, it is a black hole: every byte is taken, none is passed on."""
        self.flows.set()
        self.connections = 0
        """How many there have been."""
        self._clients: set[StreamWriter] = set()
        self._forgotten: set[StreamWriter] = set()

    def reset(self, client: StreamWriter | None = None) -> None:
        """Ends one client's connection, or all of them, by RST."""
        for each in [client] if client else list(self._clients):
            with suppress(OSError):  # it is gone already
                linger = struct.pack("ii", 1, 0)
                each.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            each.transport.abort()

    def forget(self) -> None:
        """Keeps every connection as it is, and resets it when its client sends something, as a firewall does."""
        self._forgotten |= self._clients

    async def serve(self, reader: StreamReader, client: StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        self.connections += 1
        self._clients.add(client)
        with suppress(OSError):
            answers, server = await asyncio.open_unix_connection(self.upstream)
            await asyncio.gather(self._pump(reader, server, client), self._pump(answers, client, client))
        client.close()
        self._clients.discard(client)

    async def closed(self) -> None:
        """Ends everything that is under way."""
        self.flows.set()
        self.reset()
        while self._clients:  # noqa: ASYNC110 - a test's end
            await asyncio.sleep(0.01)

    async def _pump(self, reader: StreamReader, writer: StreamWriter, client: StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(2**16):
                await asyncio.sleep(self.latency_seconds)
                await self.flows.wait()
                if client in self._forgotten:
                    self.reset(client)
                    break
                if writer is client and self.reset_on and self.reset_on in chunk:
                    self.reset_on = None
                    self.reset(client)
                    break
                writer.write(chunk)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def proxy(upstream: str) -> AsyncIterator[Proxy]:
    """A proxy on a free port of 127.0.0.1 in front of that Unix socket."""
    opened = Proxy(upstream)
    async with await asyncio.start_server(opened.serve, "127.0.0.1", 0) as server:
        opened.port = server.sockets[0].getsockname()[1]
        yield opened
        await opened.closed()
