"""A service on the bot's own database: chats are read, written to and followed over HTTP.

pip install botcore fastapi uvicorn
DATABASE_URL=postgresql://... uvicorn fastapi_service:app --timeout-graceful-shutdown 5
"""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from botcore import NEWEST, BotcoreError, Database, InvalidInput, Message, NotFound, Unavailable

STATUS: dict[type[BotcoreError], int] = {NotFound: 404, InvalidInput: 422, Unavailable: 503}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Database]]:
    """One pool for as long as the service runs; requests find it in their state."""
    async with Database.connect(os.environ["DATABASE_URL"]) as db:
        yield {"db": db}


def opened(request: Request) -> Database:
    """The open database."""
    db: Database = request.state.db
    return db


Db = Annotated[Database, Depends(opened)]
app = FastAPI(lifespan=lifespan)


@app.exception_handler(BotcoreError)
async def refuse(_: Request, error: BotcoreError) -> JSONResponse:
    """Every error of botcore as a status; its text holds no content, password or token."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if isinstance(error, Unavailable) and error.retry_is_safe else None
    return JSONResponse({"detail": str(error)}, status, headers)


class Note(BaseModel):
    """What is said to a person."""

    user_id: int
    content: str


@app.post("/chats/{chat_id}/messages", status_code=201)
async def add(chat_id: int, note: Note, db: Db) -> Message:
    """Stores a message of the bot; it is not sent to Telegram by that."""
    return await db.messages.add(chat_id=chat_id, user_id=note.user_id, role="assistant", content=note.content)


@app.get("/chats/{chat_id}/messages")
async def recent(chat_id: int, db: Db, before_id: int = NEWEST, page_size: int = 20) -> list[Message]:
    """What was said in a chat, newest first."""
    return await db.messages.recent_in_chat(chat_id=chat_id, before_id=before_id, page_size=page_size)


async def new_messages(
    chat_id: int, db: Db, last_event_id: Annotated[int | None, Header()] = None
) -> AsyncIterator[tuple[int, AsyncIterator[Message]]]:
    """What is new in a chat, and behind which id; refused, if it has to be, while there still is a status to say so."""
    if await db.chats.get(chat_id=chat_id) is None:
        raise NotFound("chat", chat_id=chat_id)
    position = await db.messages.position() if last_event_id is None else last_event_id
    async with aclosing(db.messages.listen(chat_id=chat_id, after_id=position)) as messages:
        yield position, messages


@app.get("/chats/{chat_id}/events", response_class=EventSourceResponse)
async def follow(
    new: Annotated[tuple[int, AsyncIterator[Message]], Depends(new_messages)],
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: a browser that comes back names the last id, and misses none; FastAPI keeps it connected."""
    position, messages = new
    # without data no event, but who is cut off before the first one has an id to come back with
    yield ServerSentEvent(id=str(position))
    async for message in messages:
        yield ServerSentEvent(id=str(message.id), data=message)
