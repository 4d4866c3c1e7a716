"""Every form of URL that hosts and tools hand out reaches the same server, encrypted where it is remote."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from botcore.urls import conninfo, describe


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_conninfo_takes_every_scheme(scheme: str) -> None:
    """The scheme of another driver names the same server."""
    given = conninfo_to_dict(conninfo(f"{scheme}://ada:pass%40word@127.0.0.1:5433/bots"))

    assert given == {"user": "ada", "password": "pass@word", "host": "127.0.0.1", "port": "5433", "dbname": "bots"}


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.5", "postgres", "localhost.example.com"])
def test_conninfo_verifies_a_remote_server(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote host without sslmode is verified, against the authorities that this system trusts."""
    monkeypatch.delenv("PGSSLMODE", raising=False)

    given = conninfo_to_dict(conninfo(f"postgresql://ada@{host}/bots"))

    assert given["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada@localhost/bots",
        "postgresql://ada@127.0.0.1/bots",
        "postgresql://ada@[::1]/bots",
        "postgresql://ada@/bots?host=/run/postgresql",
        "postgresql:///bots",
    ],
)
def test_conninfo_leaves_a_local_server_alone(url: str) -> None:
    """On the same machine libpq's own default holds."""
    assert "sslmode" not in conninfo_to_dict(conninfo(url))


def test_conninfo_keeps_what_the_url_or_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit sslmode wins, and defaults yield to the URL's parameters."""
    explicit = conninfo_to_dict(conninfo("postgresql://h/db?sslmode=require&connect_timeout=3", connect_timeout=10))
    monkeypatch.setenv("PGSSLMODE", "disable")
    environment = conninfo_to_dict(conninfo("postgresql://h/db"))

    assert (explicit["sslmode"], explicit["connect_timeout"]) == ("require", "3")
    assert "sslmode" not in environment


def test_describe_shows_no_password() -> None:
    """What people read names server, database and user only."""
    assert describe(conninfo("postgresql://ada:secret@localhost:5433/bots")) == "localhost:5433/bots as ada"
