"""What the environment and `.env` say."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from botcore.pool import Pooler

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Settings of the library's users; each is the environment variable of its name, in capitals.

    Raises pydantic's ValidationError, which shows no value, since one could be a password.
    """

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr | None = Field(None, description="the server; without it, the embedded one")
    database_pooler: Pooler = Field("none", description="what stands in front of the server")
    database_direct_url: SecretStr | None = Field(None, description="the server itself, where a pooler is in front")
    database_replica_url: SecretStr | None = Field(None, description="a standby, for reads that may be behind")
    database_eraser_url: SecretStr | None = Field(None, description="by which rows are removed, if not by DATABASE_URL")
    database_pool_size: int = Field(10, ge=1, le=1_000, description="connections at most")
    database_join_calls: bool = Field(True, description="concurrent calls of a kind become one statement")
    database_cache_ttl_seconds: float = Field(0.0, ge=0, description="for reads that may be from a cache; 0 for none")
    botcore_data_dir: Path | None = Field(None, description="the embedded server's folder")
    log_level: LogLevel = "INFO"
    log_format: Literal["console", "json"] | None = Field(
        None, description="by default console in a terminal, else json"
    )
    log_sql: bool = Field(False, description="for local work: log each query with its values, ready for psql")
