"""`botcli export`, `erase` and `ledger`: a person's rows, and the receipts, from the command line."""

import hashlib
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pexpect
import pytest

from botcli.cli import ledger, privacy
from botcore import Database, InvalidInput, Receipt
from tests.botcli.conftest import Start
from tests.factories import said
from tests.test_erase import ID, ZOE, live

pytestmark = pytest.mark.usefixtures("settings")

Captured = pytest.CaptureFixture[str]


async def test_export_to_stdout(start: Start, database: Database) -> None:
    """Stdout holds the lines and nothing else, in UTF-8 whatever the terminal's encoding is; the last is a manifest."""
    await live(database)

    process = await start("export", "--user", str(ID), PYTHONIOENCODING="ascii")
    out, err = await process.communicate()

    *lines, last = out.splitlines(keepends=True)
    manifest = json.loads(last)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(lines[0])["first_name"] == ZOE["first_name"]
    nothing = dict.fromkeys(("state", "preferences", "usage", "update"), 0)
    assert manifest["counts"] == {"user": 1, "chat": 4, "message": 5, "version": 2} | nothing
    assert manifest["hidden"] == {"user": 0, "chat": 0, "message": 1}
    assert manifest["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()


async def test_export_to_a_file(database: Database, tmp_path: Path) -> None:
    """A file is its owner's alone, and is overwritten only by force."""
    await said(database, **ZOE)
    file = tmp_path / "person.jsonl"

    await privacy.export(user=ID, output_file=file)
    first = file.read_bytes()
    with pytest.raises(InvalidInput, match="--force overwrites it"):
        await privacy.export(user=ID, output_file=file)
    assert file.read_bytes() == first
    await privacy.export(user=8, output_file=file, force=True)

    assert [json.loads(line)["type"] for line in first.splitlines()] == ["user", "chat", "message", "manifest"]
    assert [json.loads(line)["type"] for line in file.read_bytes().splitlines()] == ["manifest"]
    assert file.stat().st_mode & 0o777 == 0o600


async def test_erase_dry_run(database: Database, capsys: Captured) -> None:
    """A dry run counts, hidden rows too, asks nothing and changes nothing."""
    await live(database)

    await privacy.erase(user=ID, dry_run=True, json=True)

    counts = json.loads(capsys.readouterr().out)
    assert (counts["users"], counts["chats"], counts["messages"], counts["versions"]) == (1, 3, 8, 2)
    assert counts["hidden_messages"] == 1
    assert await database.users.erasures() == []
    assert await database.users.find(telegram_user_id=ID)


async def test_erase_off_a_terminal_wants_yes(start: Start, database: Database) -> None:
    """Without --yes nobody is erased, with exit code 2; with it the receipt is printed, with 0."""
    await live(database)

    refused = await start("erase", "--user", str(ID))
    _, err = await refused.communicate()
    assert await database.users.erasures() == []
    process = await start("erase", "--user", str(ID), "--yes")
    out, _ = await process.communicate()

    [receipt] = await database.users.erasures()
    assert (refused.returncode, b"--yes" in err, process.returncode) == (2, True, 0)
    assert dict(line.split("\t") for line in out.decode().splitlines()) == {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in asdict(receipt).items()
    }


async def test_erase_in_a_terminal_asks(database: Database, environment: dict[str, str]) -> None:
    """A no leaves everything as it is, with exit code 1."""
    await said(database, **ZOE)

    terminal = pexpect.spawn(
        sys.executable, ["-m", "botcli", "erase", "--user", str(ID)], env=environment, encoding="utf-8", timeout=30
    )
    terminal.expect("goes for good. Go on?")
    terminal.sendline("n")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 1
    assert await database.users.find(telegram_user_id=ID)


async def test_erase_of_somebody_unknown(database: Database, capsys: Captured) -> None:
    """There is a receipt of nothing, which stderr says."""
    await privacy.erase(user=ID, yes=True, json=True)

    out, err = capsys.readouterr()
    assert json.loads(out)["messages"] == 0
    assert err.startswith("nothing was kept about them")
    assert len(await database.users.erasures()) == 1


async def test_ledger_to_a_file_and_back(database: Database, tmp_path: Path, capsys: Captured) -> None:
    """What export prints, replay takes: receipts that are missing are entered, once."""
    for number in (7, 8):
        await said(database, telegram_user_id=number)
    receipt = await database.users.erase(telegram_user_id=7)
    await ledger.export()
    line = capsys.readouterr().out
    missing = await database.users.erase(telegram_user_id=9)
    file = tmp_path / "ledger.jsonl"
    lost = {**json.loads(line), "person": (await database.users.erase(telegram_user_id=10)).person}
    file.write_text(f"{line}\n{json.dumps({**lost, 'erased_at': '2099-01-01T00:00:00+00:00'})}\n")

    for _ in range(2):
        await ledger.replay(file)

    assert capsys.readouterr().out == "receipts\t2\nentered\t1\nreceipts\t2\nentered\t0\n"
    assert {receipt, missing} < set(await database.users.erasures())
    assert len(await database.users.erasures()) == 4


async def test_ledger_export_of_several_pages(
    database: Database, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every receipt is a line."""
    monkeypatch.setattr(ledger, "_PAGE", 2)
    receipts = [await database.users.erase(telegram_user_id=number) for number in range(1, 6)]

    await ledger.export()

    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["person"] for line in lines} == {receipt.person for receipt in receipts}
    assert len(lines) == 5


NUMBERS: dict[str, Any] = {"users": 1, "chats": 1, "messages": 1, "versions": 0}
GOOD = {"person": "0" * 64, "erased_at": "2026-01-01T00:00:00+00:00", **NUMBERS}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "7",
        "[" * 100_000,
        json.dumps({name: value for name, value in GOOD.items() if name != "users"}),
        json.dumps({**GOOD, "more": 1}),
        json.dumps({**GOOD, "person": "x" * 64}),
        json.dumps({**GOOD, "person": 7}),
        json.dumps({**GOOD, "erased_at": "2026-01-01T00:00:00"}),
        json.dumps({**GOOD, "erased_at": 7}),
        json.dumps({**GOOD, "users": -1}),
        json.dumps({**GOOD, "users": True}),
        json.dumps({**GOOD, "users": 2**63}),
    ],
)
async def test_ledger_replay_of_a_bad_line(database: Database, tmp_path: Path, line: str) -> None:
    """A line that is no receipt is named by its number, and nothing is changed."""
    file = tmp_path / "ledger.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{line}\n")

    with pytest.raises(InvalidInput, match=r"^FILE: line 3 is no receipt"):
        await ledger.replay(file)

    assert await database.users.erasures() == []


async def test_ledger_replay_erases_who_is_back(database: Database, tmp_path: Path) -> None:
    """The person of an entered receipt is gone."""
    digest = (await database.users.erase(telegram_user_id=ID)).person
    await said(database, **ZOE, sent_at=datetime.now(UTC))
    file = tmp_path / "ledger.jsonl"
    receipt = Receipt(digest, datetime.now(UTC), 1, 1, 1, 0)
    file.write_text(json.dumps(asdict(receipt), default=datetime.isoformat))

    await ledger.replay(file)

    assert await database.users.page() == []
    assert receipt in await database.users.erasures()
