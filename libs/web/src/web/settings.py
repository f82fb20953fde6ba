"""Settings from the environment (`HUILIU_...`) and from secret files.

A wrong one ends the process with one clear line.
"""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from typing_extensions import override

from plumbing import seal
from plumbing.limits import Limits

PREFIX = "HUILIU_"
SECRETS_DIR = "HUILIU_SECRETS_DIR"
WRONG_SETTINGS = 2  # exit code
MIN_SECRET_CHARS = 32


def _of_32_bytes(secret: SecretStr) -> SecretStr:
    seal.data_key(secret.get_secret_value())
    return secret


Port = Annotated[int, Field(ge=0, le=65535)]
ShopPatience = Annotated[
    float, Field(ge=0, le=3600, description="how long a fact waits for its shop to be announced")
]
TrustedProxies = Annotated[
    int, Field(ge=0, le=10, description="proxies in front that append to X-Forwarded-For")
]
DataKey = Annotated[SecretStr, AfterValidator(_of_32_bytes)]

# Fit for a laptop; in production everyone knows them.
_KNOWN = re.compile(
    r"(?i)(local|test|demo|dev)([-_].*)?|change-?me|secret|password|postgres|huiliu|admin"
)


class HuiliuSettings(BaseSettings):
    """The sources: the environment, then files named like the variables in $HUILIU_SECRETS_DIR."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, dotenv_settings  # named by the base; no .env file is read
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        files = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir=folder,
            secrets_dir_missing="error",
            secrets_nested_delimiter="__",
        )
        return init_settings, env_settings, files


class MigrationSettings(HuiliuSettings):
    """All that `migrate` needs."""

    owner_url: SecretStr = Field(
        description="URL of the schema's owner, postgresql+asyncpg://...; only migrations use it"
    )

    @field_validator("owner_url")
    @classmethod
    def _for_asyncpg(cls, url: SecretStr) -> SecretStr:
        return _asyncpg_url(url)


class ServiceSettings(HuiliuSettings):
    """What every service needs. A service adds its own fields and the defaults of its two ports."""

    environment: Literal["local", "test", "production"] = "production"
    database_url: SecretStr = Field(description="postgresql+asyncpg://user:password@host/huiliu")
    kafka_servers: str = Field(min_length=1, description="host:port, several by comma")
    partitions: int = Field(32, ge=1, le=1024, description="partitions of customer-keyed topics")
    pod: str = Field(default_factory=socket.gethostname, min_length=1)
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    http_port: Port = Field(description="port of the API")
    ops_port: Port = Field(description="port of health and metrics")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    token_keys_file: Path | None = Field(
        None, description="JWKS file with the public keys (Ed25519, RSA) that sign API tokens"
    )
    token_secret: SecretStr | None = Field(
        None,
        validate_default=True,
        description=f"HS256 secret, at least {MIN_SECRET_CHARS} characters; never in production",
    )
    max_requests: int = Field(
        256, ge=1, le=65_536, description="requests at work at once; the others get 503"
    )
    stop_grace_s: float = Field(20, gt=0, le=600)
    group_suffix: str = Field("", pattern=r"^[a-zA-Z0-9._-]{0,64}$")
    session_timeout_ms: int = Field(10_000, ge=500, le=300_000)
    idle_timeout_ms: int = Field(
        15_000, ge=500, le=60_000, description="Postgres ends a transaction idle for so long"
    )
    stuck_after_s: float = Field(
        60, ge=4, le=600, description="a duty without progress for so long ends the process"
    )

    @field_validator("*")
    @classmethod
    def _kept_secret(cls, value: object, info: ValidationInfo) -> object:
        for secret in _secrets(value):
            if not secret.strip():
                raise ValueError("is blank")
            if info.data.get("environment") == "production" and _KNOWN.fullmatch(secret.strip()):
                raise ValueError("holds a well-known default, which production refuses")
        return value

    @field_validator("database_url")
    @classmethod
    def _for_asyncpg(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        password = make_url(_asyncpg_url(url).get_secret_value()).password
        if info.data.get("environment") == "production" and _KNOWN.fullmatch(password or ""):
            raise ValueError("holds a well-known password, which production refuses")
        return url

    @field_validator("token_secret")
    @classmethod
    def _one_way_to_check_tokens(
        cls, secret: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        file = info.data.get("token_keys_file")
        if secret is None and file is None:
            raise ValueError(f"missing; set it (local, test), or {PREFIX}TOKEN_KEYS_FILE")
        if secret is None:
            return None
        if file is not None:
            raise ValueError(f"set it or {PREFIX}TOKEN_KEYS_FILE, not both")
        if info.data.get("environment") == "production":
            raise ValueError(f"production takes no shared secret; set {PREFIX}TOKEN_KEYS_FILE")
        if len(secret.get_secret_value()) < MIN_SECRET_CHARS:
            raise ValueError(f"is shorter than {MIN_SECRET_CHARS} characters")
        return secret

    @property
    def limits(self) -> Limits:
        """Return the database's timeouts for readers."""
        idle_ms = self.idle_timeout_ms
        return Limits(idle_timeout_ms=idle_ms, transaction_timeout_ms=4 * idle_ms)

    @property
    def silent_s(self) -> float:
        """Return how long the holder of a lease may say nothing to the database."""
        return 2 * self.idle_timeout_ms / 1000

    @property
    def production(self) -> bool:
        return self.environment == "production"


S = TypeVar("S", bound=BaseSettings)


def load(cls: type[S]) -> S:
    """Read the settings, or say on stderr what is wrong, never a value, and exit with 2."""
    try:
        return cls()
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_context=False, include_input=False):
            _complain(_variable(wrong["loc"]), _reason(cls, wrong))
    except SettingsError as error:
        _complain(_first_variable(str(error), cls), _plain(error))
    raise SystemExit(WRONG_SETTINGS) from None


def refuse(setting: str, why: str) -> NoReturn:
    """End the process with exit code 2: *setting*, a variable's name, is wrong; *why* says how."""
    _complain(setting, why)
    raise SystemExit(WRONG_SETTINGS)


def _complain(setting: str, why: str) -> None:
    one_line = " ".join(f"{setting}: {why}".split())
    sys.stderr.write(one_line + "\n")
    sys.stderr.flush()


def _variable(loc: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(str(part) for part in loc).upper()


def _reason(cls: type[BaseSettings], wrong: ErrorDetails) -> str:
    hint = _hint(cls, wrong["loc"])
    if wrong["type"] == "missing":
        return "missing; set it" + (f" to: {hint}" if hint else "")
    if wrong["type"] == "value_error":  # ours: it says all
        return wrong["msg"].removeprefix("Value error, ")
    return wrong["msg"] + (f" ({hint})" if hint else "")


def _hint(cls: type[BaseModel], loc: tuple[int | str, ...]) -> str | None:
    field = cls.model_fields.get(str(loc[0])) if loc else None
    if field is None:
        return None
    inner = field.annotation
    if len(loc) > 1 and isinstance(inner, type) and issubclass(inner, BaseModel):
        return _hint(inner, loc[1:])
    return field.description


def _first_variable(text: str, cls: type[BaseSettings]) -> str:
    """Find the setting that pydantic-settings' message names: it could not be parsed at all."""
    named = re.search(r'field "(\w+)"', text)
    if named and named[1] in cls.model_fields:
        return PREFIX + named[1].upper()
    return SECRETS_DIR


def _plain(error: SettingsError) -> str:
    return "cannot be read: JSON is expected" if error.__cause__ else str(error)


def _asyncpg_url(url: SecretStr) -> SecretStr:
    try:
        parsed = make_url(url.get_secret_value())
    except ArgumentError:
        raise ValueError("is not a database URL") from None
    if parsed.drivername != "postgresql+asyncpg":
        raise ValueError("must begin with postgresql+asyncpg://")
    if not parsed.host or not parsed.database:
        raise ValueError("lacks the host or the database's name")
    return url


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)
