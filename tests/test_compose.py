"""docker-compose.yml, the Dockerfile and railway.toml, as far as they can be judged without Docker."""

import asyncio
import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from psycopg.conninfo import conninfo_to_dict

from botcli import http
from botcore import urls

CHECKOUT = Path(__file__).parents[1]
Services = dict[str, dict[str, Any]]


@pytest.fixture
def services() -> Services:
    """The services of docker-compose.yml, anchors resolved."""
    loaded: dict[str, Services] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded["services"]


def test_compose_file_fits_its_schema() -> None:
    """docker-compose.yml is what the Compose Specification allows."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]

    done = subprocess.run(
        [*command, "docker-compose.yml"], cwd=CHECKOUT, check=False, stdout=subprocess.PIPE, text=True
    )

    assert done.returncode == 0, done.stdout


def test_postgres_keeps_its_data_and_to_this_machine(services: Services) -> None:
    """The volume lies where version 18's image keeps its data, and the port is open to this machine alone."""
    postgres = services["postgres"]

    assert postgres["image"] == "postgres:18"
    assert postgres["volumes"] == ["postgres:/var/lib/postgresql"]
    assert [port.partition(":")[0] for port in postgres["ports"]] == ["127.0.0.1"]


def test_bot_waits_for_migrations(services: Services) -> None:
    """Only `--profile bot` starts the bot: after the migrations, which wait for a server that answers."""
    started = {name for name, service in services.items() if "profiles" not in service}

    assert started == {"postgres"}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["bot"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_services_may_do_little(services: Services) -> None:
    """Nothing of an image is written to, nobody gains rights, logs end; only PostgreSQL's image begins as root."""
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert [name for name, service in services.items() if "cap_add" in service] == ["postgres"]


def test_bot_and_postgres_agree_on_the_database(services: Services) -> None:
    """Both URLs lead to the server's own user and database, one through PgBouncer, and keep their word about TLS."""
    given = services["postgres"]["environment"]
    pooler = configparser.ConfigParser()
    pooler.read(CHECKOUT / "deploy/pgbouncer/pgbouncer.ini")
    through = f"pgbouncer:{pooler['pgbouncer']['listen_port']}"

    for name in ("migrate", "bot", "backup"):
        environment = services[name]["environment"]
        for word, address in (("DATABASE_URL", through), ("DATABASE_DIRECT_URL", "postgres:5432")):
            url = conninfo_to_dict(urls.conninfo(environment[word]))

            assert f"{url['host']}:{url['port']}" == address
            assert (url["user"], url["dbname"]) == (given["POSTGRES_USER"], given["POSTGRES_DB"])
            assert url["sslmode"] == "disable"
        assert environment["PGPASSWORD"] == given["POSTGRES_PASSWORD"]
    assert services["pgbouncer"]["environment"]["PGUSER"] == given["POSTGRES_USER"]
    assert services["bot"]["environment"]["DATABASE_POOLER"] == pooler["pgbouncer"]["pool_mode"]
    assert pooler["databases"][given["POSTGRES_DB"]].startswith("host=postgres ")
    assert services["bot"]["environment"]["REDIS_URL"] == "redis://redis:6379/0"


def test_health_check_succeeds_once_postgres_answers(
    services: Services, psql_binaries: Path, empty_database_url: str
) -> None:
    """The health check's command exits 0 against a real server, 2 where none answers."""
    kind, program, *arguments = services["postgres"]["healthcheck"]["test"]
    running = conninfo_to_dict(empty_database_url)
    elsewhere = ["--host", str(running["host"]), "--port", str(running["port"])]

    healthy = subprocess.run([psql_binaries / program, *arguments, *elsewhere], check=False, capture_output=True)
    nobody = subprocess.run([psql_binaries / program, *arguments, "--port=1"], check=False, capture_output=True)

    assert (kind, program) == ("CMD", "pg_isready")
    assert (healthy.returncode, nobody.returncode) == (0, 2)


async def test_health_check_of_the_bot(services: Services) -> None:
    """The bot's health check exits 0 where /ready says 200, else 1; it and the image agree on where that is."""
    bot = services["bot"]
    codes = {}
    for status in (200, 503):

        async def ready(_: web.Request, status: int = status) -> web.Response:
            return web.Response(status=status)

        application = web.Application()
        application.router.add_get("/ready", ready)
        async with http.serve(application, host="127.0.0.1", port=0) as port:
            _, program, option, text = bot["healthcheck"]["test"]
            command = [sys.executable, option, text.replace(f":{bot['environment']['PORT']}/", f":{port}/")]
            check = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            codes[status] = await check.wait()

    railway = tomllib.loads((CHECKOUT / "railway.toml").read_text(encoding="utf-8"))["deploy"]
    assert (program, codes) == ("python", {200: 0, 503: 1})
    assert railway["healthcheckPath"] == "/ready"
    assert "HTTP_HOST=0.0.0.0" in (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")


def test_commands_exist(services: Services) -> None:
    """What compose, the Dockerfile and Railway start are commands that botcli has."""
    railway = tomllib.loads((CHECKOUT / "railway.toml").read_text(encoding="utf-8"))["deploy"]
    lines = [*railway["preDeployCommand"], railway["startCommand"]]
    commands = {tuple(services[name]["command"]) for name in ("migrate", "bot")}

    helped = {command: _botcli(*command, "--help") for command in commands}

    assert {tuple(line.split()) for line in lines} == {("botcli", *command) for command in commands}
    assert 'ENTRYPOINT ["tini", "--", "botcli"]' in (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
    assert all(f"botcli {' '.join(command)}" in text for command, text in helped.items())


def test_dockerfile_copies_what_the_wheel_needs(tmp_path: Path) -> None:
    """The wheel can be built from what the Dockerfile copies, and .dockerignore lets all of it through."""
    copies = re.findall(r"^COPY ([^-].*) \S+$", (CHECKOUT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", (CHECKOUT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = " ".join(copies).split()
    for name in copied:
        source, copy = CHECKOUT / name, tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy)

    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    assert sorted(copied) == sorted(allowed)
    assert list(tmp_path.glob("dist/botcore-*.whl"))


def _botcli(*arguments: str) -> str:
    """The command's stdout."""
    command = [sys.executable, "-m", "botcli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
