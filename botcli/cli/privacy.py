"""`botcli export` and `botcli erase`: what is kept about a person, to give away or to remove."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from botcli import export as exports
from botcli.cli import output, target
from botcli.cli.environment import open_redis, read_settings
from botcli.database import open_database


async def export(*, user: int, output_file: Path | None = None, force: bool = False) -> None:
    """Writes all that is kept about a person, but for hidden rows, as JSON Lines; the last line is a manifest."""
    settings = read_settings()
    async with open_redis(settings) as redis, open_database(settings) as database:
        # before a file is overwritten: Redis may be gone
        forms = await redis.entered(telegram_user_id=user) if redis else ()
        with target.opened(output_file, force=force) as file:
            async for line in exports.lines(await database.caught_up(), user, forms):
                file.write(line)


async def erase(
    *,
    user: Annotated[int, Parameter(help="Telegram's id of the person.")],
    dry_run: Annotated[bool, Parameter(help="Count what would go, and change nothing.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> None:
    """Remove a person for good, hidden rows too, across chats and bots, and print the receipt."""
    if not (dry_run or yes):
        output.confirm(f"all that is kept about {user} goes for good")
    settings = read_settings()
    async with open_redis(settings) as redis, open_database(settings) as database:
        if dry_run:
            counts = asdict(await database.users.kept(telegram_user_id=user))
        else:
            if redis and await database.users.may_erase():
                await redis.erase(telegram_user_id=user)
            counts = asdict(await database.users.erase(telegram_user_id=user))
            if not any(counts[name] for name in ("users", "chats", "messages")):
                output.say("nothing was kept about them; what they sent before now is refused all the same")
    output.as_json(counts) if json else output.as_pairs(counts.items())
