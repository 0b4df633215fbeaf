"""One frozen Struct from ``EQUITYACCESS_*``: read once by the command line, then passed by hand."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs

PREFIX = "EQUITYACCESS_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator may turn; each is the variable ``EQUITYACCESS_<FIELD>`` or, for secrets, ``…_FILE``."""

    database_url: str = ""  # empty: start the embedded PostgreSQL in data_dir
    data_dir: str = ""  # empty: the platform's user data folder
    pool_size: int = 10
    pool_wait_s: float = 2.0
    statement_timeout_s: float = 10.0  # of a request
    push_timeout_s: float = 15.0  # of a push, and ten seconds more for each megabyte
    # What a push may be. Beyond it: 413, 422 or 429, never a crash.
    max_json_bytes: int = 10_000_000
    max_json_rows: int = 5_000
    max_stream_bytes: int = 2_000_000_000  # NDJSON and CSV: journaled and judged in pieces, so memory stays small
    max_stream_rows: int = 5_000_000
    max_line_bytes: int = 65_536
    max_depth: int = 16
    max_text: int = 200
    max_listed_problems: int = 1_000
    concurrent_pushes: int = 8  # per process; one more waits for pool_wait_s, then 503
    rate_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 600  # requests per credential, in all processes
    failures_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 60  # unknown keys per address, in all processes
    allowed_hosts: str = ""  # names, with commas between them; another Host is answered 421; empty: any is served
    trusted_proxies: str = ""  # addresses and networks whose X-Forwarded-For and -Proto are believed
    idempotency_hours: Annotated[int, msgspec.Meta(ge=24, le=72)] = 48  # purge-expired forgets what is older than 72
    session_idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=720)] = 30  # without a request
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12  # then everybody signs in again
    identity_providers: str = ""  # a TOML file of who vouches for people, and for what; empty: links alone sign in
    sample_data: bool = False  # every page says that its figures are sample data
    drain_s: float = 0.0  # after a stop signal, answer on for so long while /health/ready says 503
    log_format: Literal["json", "console"] = "json"
    # Only a test may switch this off, and only in code: from_environment never reads it.
    demand_durability: bool = True


class SettingsError(ValueError):
    """A setting that cannot be used, named with its variable."""


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings that *environ* names.

    Raises SettingsError for an unknown ``EQUITYACCESS_*`` variable or a value of the wrong kind.
    """
    fields = {PREFIX + name.upper(): name for name in Settings.__struct_fields__ if name != "demand_durability"}
    apart = {"EQUITYACCESS_KEY", "EQUITYACCESS_URL", "EQUITYACCESS_CHROMIUM"}
    values: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in apart or variable.startswith(f"{PREFIX}TEST_"):
            continue
        plain = variable.removesuffix("_FILE")
        if plain not in fields:
            raise SettingsError(f"{variable} is not a setting of equityaccess; known are {', '.join(sorted(fields))}")
        values[fields[plain]] = Path(value).read_text().strip() if variable.endswith("_FILE") else value
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{PREFIX}*: {error}") from None
    try:
        for proxy in listed(settings.trusted_proxies):
            ipaddress.ip_network(proxy)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {error}; name each proxy, or its network.") from None
    return settings


def listed(text: str) -> frozenset[str]:
    """What stands between the commas of *text*."""
    return frozenset(filter(None, (part.strip() for part in text.split(","))))


def data_dir(settings: Settings) -> Path:
    """Where the embedded PostgreSQL keeps its files."""
    return (
        Path(settings.data_dir).expanduser() if settings.data_dir else Path(platformdirs.user_data_path("equityaccess"))
    )
