"""What a backup says of itself, so that a restored one can be held against it: rows and hashes of every table."""

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
import msgspec

from equityaccess.database import plain_url

DUMP: Final = "equityaccess.dump"
MANIFEST: Final = "manifest.json"
_PIECE: Final = 1 << 20
# What text is made of values must not depend on who asks; a wall must fail the reading, not thin it out.
_SESSION: Final = {
    "application_name": "equityaccess backup",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "row_security": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
# Every table with the statement that reads it whole, in the order of its primary key, whatever collation that has.
_TABLES: Final = """
SELECT c.oid::regclass::text AS name,
       format('SELECT %s FROM %s t ORDER BY %s',
              columns.list, c.oid::regclass, coalesce(key.list, 't::text COLLATE "C"')) AS reading
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 CROSS JOIN LATERAL (
   SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS list
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) columns
  LEFT JOIN LATERAL (
   SELECT string_agg(quote_ident(a.attname) || CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END, ', '
                     ORDER BY array_position(i.indkey::smallint[], a.attnum)) AS list
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = c.oid AND i.indisprimary) key ON true
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname"""
# The release of the server and of pg_dump, the random keys of \restrict, and settings that only a restore needs.
_VARIES: Final = re.compile(rb"^(--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*|)\n", re.MULTILINE)


class BackupError(RuntimeError):
    """A backup cannot be taken or restored, or is not what it says; the message says which, and what to do."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All that a table holds: how many rows, and the sha256 of ``COPY (SELECT … ORDER BY primary key) TO STDOUT``."""

    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in a backup, as the database was at one instant."""

    format: Literal[1] = 1
    taken_at: datetime
    equityaccess: str
    revision: str
    postgresql: str
    bytes: int
    sha256: str  # of the dump
    schema_sha256: str  # of the definitions: tables, walls, grants
    tables: dict[str, Content]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(content.rows for content in self.tables.values())


def read(folder: Path) -> Manifest:
    """The manifest of the backup in *folder*, whose dump is whole. Raises BackupError."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        found = digest(folder / DUMP)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise BackupError(f"{folder} is not a finished backup: it has no {name}.") from None
    except msgspec.DecodeError as error:
        raise BackupError(f"{folder / MANIFEST} is not the manifest of a backup: {error}.") from None
    if found != manifest.sha256:
        raise BackupError(f"{folder / DUMP} is damaged: its sha256 is {found}, the manifest says {manifest.sha256}.")
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Finish the backup in *folder*: the manifest is written when everything else is safely on the disk."""
    _sync(folder / DUMP)
    unfinished = folder / (MANIFEST + ".part")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    _sync(unfinished)
    unfinished.rename(folder / MANIFEST)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(file: Path) -> str:
    """The sha256 of *file*."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def schema_digest(definitions: bytes) -> str:
    """The sha256 of a dump of definitions, without what varies between two dumps of the same."""
    return hashlib.sha256(_VARIES.sub(b"", definitions)).hexdigest()


async def connect(url: str) -> "asyncpg.Connection[Any]":
    """A connection on which the same rows are always the same text."""
    return await asyncpg.connect(plain_url(url), server_settings=_SESSION)


async def contents(connection: "asyncpg.Connection[Any]") -> dict[str, Content]:
    """What every table holds, read past every wall, in the transaction of *connection*."""
    return {name: await _content(connection, reading) for name, reading in await connection.fetch(_TABLES)}


async def _content(connection: "asyncpg.Connection[Any]", reading: str) -> Content:
    hashed = hashlib.sha256()

    async def take(piece: bytes) -> None:
        hashed.update(piece)

    status = await connection.copy_from_query(reading, output=take)
    return Content(rows=int(status.split()[1]), sha256=hashed.hexdigest())


def differing(said: Mapping[str, Content], found: Mapping[str, Content]) -> list[str]:
    """Each table that is not the same on both sides, in words."""
    names = sorted(said.keys() | found.keys())
    return [_difference(name, said.get(name), found.get(name)) for name in names if said.get(name) != found.get(name)]


def _difference(name: str, said: Content | None, found: Content | None) -> str:
    if said is None or found is None:
        return f"{name} is {'missing' if said else 'not in the backup'}"
    if said.rows != found.rows:
        return f"{name} has {found.rows} rows, in the backup {said.rows}"
    return f"{name} has other rows than in the backup"


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """*url* as a program may be given it on its command line, and the password as variables of its environment."""
    parts = urlsplit(plain_url(url))
    if parts.password is None:
        return urlunsplit(parts), {}
    login, _, place = parts.netloc.rpartition("@")
    shown = parts._replace(netloc=f"{login.partition(':')[0]}@{place}")
    return urlunsplit(shown), {"PGPASSWORD": unquote(parts.password)}
