"""What deploys the bot, as its own tools judge it: the requirements, the images, railway.toml, the systemd units."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from botcli.cli import app
from botcli.settings import BotSettings

CHECKOUT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SYSTEMD = CHECKOUT / "deploy/systemd"
SERVICES = sorted(SYSTEMD.glob("*.service"))
PROGRAM = "/opt/botcore/bin/botcli"
SETTINGS = {
    "botcli.service": "bot",
    "botcli-backup.service": "migrator",
    "botcli-ledger.service": "migrator",
    "botcli-migrate.service": "migrator",
    "botcli-purge.service": "bot",
}

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="Debian's package systemd has it")


def lines(name: str) -> list[str]:
    """The requirements in a file, each with its hashes on one line."""
    text = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", "")
    return [" ".join(line.split()) for line in text.splitlines()]


def needed(requirement: Requirement) -> Iterator[str]:
    """What a requirement brings along here, itself included."""
    yield canonicalize_name(requirement.name)
    for each in map(Requirement, requires(requirement.name) or ()):
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in {"", *requirement.extras}):
            yield from needed(each)


def directives(unit: Path, section: str = "Service") -> configparser.SectionProxy:
    """What is in a section of a unit, or of what is given to several."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit, encoding="utf-8")
    return parser[section]


def way() -> str:
    """The page's way from an empty server."""
    page = (CHECKOUT / "docs/operations.md").read_text(encoding="utf-8")
    return page.partition("## From an empty server\n")[2].partition("\n## ")[0]


def seconds(value: object) -> float:
    """Of `10`, `10s` or `1m`."""
    number, unit = re.fullmatch(r"(\d+)([sm]?)", str(value)).groups()  # type: ignore[union-attr]
    return int(number) * (60 if unit == "m" else 1)


@pytest.mark.parametrize(
    ("name", "wanted"), [("deploy/requirements.txt", "botcore[bot,llm,redis]"), ("deploy/build.txt", "hatchling")]
)
def test_requirements_are_constraints_with_hashes(name: str, wanted: str) -> None:
    """Each is what constraints.txt has, and a hash stands at each; nothing that is needed here is missing."""
    constraints = {line.partition(" ;")[0] for line in lines("constraints.txt")}
    pinned = [line.partition(" --hash=sha256:") for line in lines(name)]

    assert [pin for pin, _, _ in pinned if pin.partition(" ;")[0] not in constraints] == []
    assert [pin for pin, _, hashes in pinned if not hashes] == []
    names = {canonicalize_name(Requirement(pin).name) for pin, _, _ in pinned}
    assert set(needed(Requirement(wanted))) - {"botcore"} - names == set()


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/pgbouncer/Dockerfile"])
def test_dockerfile_passes_hadolint(name: str) -> None:
    """The linter of Dockerfiles, and shellcheck in it, find nothing."""
    done = subprocess.run([BIN / "hadolint", name], cwd=CHECKOUT, check=False, stdout=subprocess.PIPE, text=True)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("wrong", "is_valid"), [("", True), ("\nhealthCheckPath = '/ready'", False)])
def test_railway_fits_its_schema(wrong: str, tmp_path: Path, is_valid: bool) -> None:  # noqa: FBT001
    """railway.toml says only what Railway's page has; a misspelt key, which Railway would pass over, does not pass."""
    file = tmp_path / "railway.toml"
    file.write_text((CHECKOUT / "railway.toml").read_text(encoding="utf-8") + wrong, encoding="utf-8")
    schema = ["--schemafile", "tests/railway.schema.json"]

    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(file)],
        cwd=CHECKOUT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )

    assert (done.returncode == 0) is is_valid, done.stdout


@needs_systemd
def test_units_pass_systemd(tmp_path: Path) -> None:
    """Systemd reads each unit and its drop-in without a warning, and rates each service as little exposed."""
    shutil.copytree(SYSTEMD, tmp_path / "units", symlinks=True)
    units = sorted(str(unit) for unit in (tmp_path / "units").glob("*.*") if unit.is_file())
    for unit in map(Path, units):
        # systemd looks whether the program is there
        unit.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))

    verified = subprocess.run(["systemd-analyze", "verify", *units], check=False, stderr=subprocess.PIPE, text=True)
    exposed = [
        subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit], check=False, capture_output=True
        ).returncode
        for unit in units
        if unit.endswith(".service")
    ]

    # it looks at what ours depend on as well, which is the machine's
    assert [line for line in verified.stderr.splitlines() if "botcli" in line or str(tmp_path) in line] == []
    assert exposed == [0] * len(SERVICES)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_unit_runs_a_command_that_there_is(unit: Path) -> None:
    """What a service starts is a command of botcli with the options that it has; with the settings of its role."""
    service = directives(unit)
    command = re.search(rf"{PROGRAM} ([^>']+)", service["ExecStart"])

    assert command
    arguments = command[1].replace("${PURGE_OLDER_THAN}", "90d").replace("${STATE_DIRECTORY}", "/var/backups")
    app.parse_args(shlex.split(arguments), print_error=False, exit_on_error=False)
    assert service["EnvironmentFile"] == f"/etc/botcore/{SETTINGS[unit.name]}.env"


def test_bot_is_started_however_long_telegram_is_away() -> None:
    """No number of starts ends it; what it exits with where its settings are refused does."""
    assert directives(SYSTEMD / "botcli.service", "Unit")["StartLimitIntervalSec"] == "0"
    assert directives(SYSTEMD / "botcli.service")["RestartPreventExitStatus"] == "2"


def test_page_names_what_is_there() -> None:
    """Each unit and each file of the way from an empty server exists."""
    units = set(re.findall(r"(?<= )botcli(?:-\w+)*(?:\.\w+)?", "\n".join(re.findall(".*systemctl.*", way()))))
    files = re.findall(r"(?<= )deploy/[\w./]+", way())

    assert {"botcli", "botcli-migrate", "botcli-backup.timer", "botcli-purge.timer"} <= units
    assert [unit for unit in units if not (SYSTEMD / (unit if "." in unit else f"{unit}.service")).exists()] == []
    assert files
    assert [file for file in files if not (CHECKOUT / file).exists()] == []


@pytest.mark.parametrize("code", [0, 1])
def test_page_writes_no_url_of_a_password_that_was_not_set(code: int, tmp_path: Path) -> None:
    """Where `botcli db password` fails no file of settings is written; else each URL has the password that was set."""
    typed = "url() {" + way().partition("url() {")[2].partition("```")[0].replace("/etc/botcore", str(tmp_path))
    runuser = tmp_path / "runuser"
    runuser.write_text(f"#!/bin/sh\ncat >> {tmp_path}/set\nexit {code}\n")
    runuser.chmod(0o755)

    subprocess.run(["bash", "-c", typed], check=False, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    written = [file.read_text() for file in sorted(tmp_path.glob("*.env"), reverse=True)]
    passwords = (tmp_path / "set").read_text().split()
    assert (len(written), len(passwords)) == ((2, 3) if code == 0 else (0, 2))
    assert re.findall(r":(\w+)@", "".join(written)) == (passwords if code == 0 else [])


def test_pooler_gets_any_password(tmp_path: Path) -> None:
    """What stands in a password does not end it in PgBouncer's file of users."""
    dockerfile = (CHECKOUT / "deploy/pgbouncer/Dockerfile").read_text(encoding="utf-8")
    shell, options, script = json.loads(dockerfile.partition("ENTRYPOINT ")[2])
    (tmp_path / "pgbouncer").symlink_to("/bin/true")
    given = {"PGUSER": "botcore", "PGPASSWORD": 'a"b"" $c\\n%s', "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    subprocess.run([shell, options, script.replace("/tmp/", f"{tmp_path}/")], check=True, env=given)  # noqa: S108

    assert (tmp_path / "users").read_text() == '"botcore" "a""b"""" $c\\n%s"\n'
    assert (tmp_path / "users").stat().st_mode & 0o077 == 0


def test_release_publishes_the_image_last() -> None:
    """What PyPI refuses, as a version that it has, and what nobody let through, replaces no image."""
    jobs = yaml.safe_load((CHECKOUT / ".github/workflows/release.yml").read_text(encoding="utf-8"))["jobs"]

    assert {"ci", "pypi"} <= set(jobs["image"]["needs"])
    assert jobs["pypi"]["environment"] == "pypi"


def test_timers_start_what_is_there() -> None:
    """Each timer has the service of its name, and makes up for what was missed."""
    for timer in SYSTEMD.glob("*.timer"):
        assert timer.with_suffix(".service") in SERVICES
        assert "Persistent=true" in timer.read_text(encoding="utf-8")


def test_whoever_stops_the_bot_gives_it_its_grace() -> None:
    """systemd, compose and Railway wait longer than GRACE_SECONDS before they kill."""
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["bot"]
    railway = tomllib.loads((CHECKOUT / "railway.toml").read_text(encoding="utf-8"))["deploy"]
    grace = BotSettings.model_fields["grace_seconds"].default

    assert seconds(directives(SYSTEMD / "botcli.service")["TimeoutStopSec"]) > grace
    assert seconds(compose["stop_grace_period"]) > grace
    assert seconds(railway["drainingSeconds"]) > grace
