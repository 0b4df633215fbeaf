"""``equityaccess restore``: a backup into an empty database, held against its manifest before anybody uses it."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from equityaccess.commands.backup import program
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.commands.manifest import Manifest

_DESCRIPTION = """\
Brings a backup of `equityaccess backup` back: the roles, the definitions and every row, in one transaction, into a
database that has no table yet. Then every table is compared with the manifest. It ends with an exit code other than 0
unless everything is equal.

EQUITYACCESS_DATABASE_URL has to log in as an administrator. Logins and their passwords are not in a backup:
`equityaccess migrate --login` makes them afterwards."""
_HAS_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``restore``."""
    parser = subparsers.add_parser(
        "restore",
        help="bring a backup back into an empty database, and compare",
        description=_DESCRIPTION,
        epilog="example:\n  equityaccess restore /backups/2026-11-24",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Restore and compare."""
    with database_url(settings) as ready:
        manifest = asyncio.run(restore(ready.database_url, args.folder))
    print(
        f"Restored {manifest.rows} rows in {len(manifest.tables)} tables as of {manifest.taken_at:%F %T} UTC, "
        f"revision {manifest.revision}; every table and the definitions are equal to the backup."
    )
    return 0


async def restore(url: str, folder: Path) -> "Manifest":
    """Bring the backup in *folder* into the empty database at *url*; what its manifest says, and is true of both.

    Raises BackupError when the backup is damaged, the database is not empty, or the two differ; SchemaMismatch when
    the backup was taken by a newer equityaccess.
    """
    from equityaccess.commands import manifest
    from equityaccess.migrate import SchemaMismatch, code_revision, make_roles

    said = await asyncio.to_thread(manifest.read, folder)
    if said.revision > code_revision():
        raise SchemaMismatch(
            f"{folder} is at revision {said.revision}, newer than this code's {code_revision()}: "
            f"install equityaccess {said.equityaccess}."
        )
    await _demand_empty(url)
    await make_roles(url)
    await asyncio.to_thread(
        program, "pg_restore", url, "--single-transaction", "--exit-on-error", str(folder / manifest.DUMP)
    )
    await _compare(url, said)
    return said


async def _demand_empty(url: str) -> None:
    from equityaccess.commands import manifest

    connection = await manifest.connect(url)
    try:
        if await connection.fetchval(_HAS_TABLES):
            raise manifest.BackupError("The database is not empty; nothing was done. Restore into a new one.")
    finally:
        await connection.close()


async def _compare(url: str, said: "Manifest") -> None:
    from equityaccess.commands import manifest

    connection = await manifest.connect(url)
    try:
        await connection.execute("ANALYZE")  # a dump has no statistics, and without them plans are guesses
        differing = manifest.differing(said.tables, await manifest.contents(connection))
        schema = await asyncio.to_thread(program, "pg_dump", url, "--schema-only")
        if manifest.schema_digest(schema) != said.schema_sha256:
            differing.append("the definitions are others than in the backup")
    finally:
        await connection.close()
    if differing:
        raise manifest.BackupError(f"What was restored must not be used: {'; '.join(differing)}.")
