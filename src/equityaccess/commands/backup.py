"""``equityaccess backup``: everything that is kept, as it was at one instant, with a manifest to hold it against."""

import argparse
import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.commands.manifest import Manifest

_DESCRIPTION = """\
Writes the whole database into the folder DIR, which must be new or empty: a dump in pg_dump's custom format, and a
manifest with the number of rows and a hash of every table. Pushes go on meanwhile; the backup is the database as it was
at the instant it began.

EQUITYACCESS_DATABASE_URL has to log in as an administrator: row-level security would hide rows from anybody else."""
_EXAMPLES = """\
  equityaccess backup /backups/2026-11-24 --verify"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``backup``."""
    parser = subparsers.add_parser(
        "backup",
        help="write the whole database into a folder",
        description=_DESCRIPTION,
        epilog=f"example:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path)
    verify = "restore it into a PostgreSQL of its own, compare, and throw that away: a backup counts once restored"
    parser.add_argument("--verify", action="store_true", help=verify)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Take the backup, and restore it elsewhere if that was asked for."""
    with database_url(settings) as ready:
        manifest = asyncio.run(_take(ready.database_url, args.folder))
    print(
        f"{args.folder} has {manifest.rows} rows in {len(manifest.tables)} tables, as of {manifest.taken_at:%F %T} UTC."
    )
    if not args.verify:
        print("It counts once it was restored: run with --verify, or `equityaccess restore` into an empty database.")
        return 0
    _verify(args.folder)
    print("Restored into an empty PostgreSQL, every table and the definitions are equal.")
    return 0


def _verify(folder: Path) -> None:
    from equityaccess import embedded
    from equityaccess.commands.restore import restore

    # Beside the backup, where there is room for its like.
    with (
        tempfile.TemporaryDirectory(prefix=".verifying-", dir=folder.resolve().parent) as scratch,
        embedded.postgres(Path(scratch) / "pg", durable=False) as url,
    ):
        asyncio.run(restore(url, folder))


async def _take(url: str, folder: Path) -> "Manifest":
    from equityaccess import __version__
    from equityaccess.commands import manifest
    from equityaccess.migrate import demand_revision

    await demand_revision(url)
    _demand_empty(folder)
    connection = await manifest.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            dump = folder / manifest.DUMP
            arguments = [f"--snapshot={snapshot}", "--format=custom", f"--file={dump}"]
            # Both read the same instant; the one that takes longer hides the other.
            tables, _ = await asyncio.gather(
                manifest.contents(connection), asyncio.to_thread(program, "pg_dump", url, *arguments)
            )
            schema = await asyncio.to_thread(program, "pg_dump", url, f"--snapshot={snapshot}", "--schema-only")
            taken = manifest.Manifest(
                taken_at=await connection.fetchval("SELECT now()"),
                equityaccess=__version__,
                revision=await connection.fetchval("SELECT version_num FROM alembic_version"),
                postgresql=await connection.fetchval("SHOW server_version"),
                bytes=dump.stat().st_size,
                sha256=await asyncio.to_thread(manifest.digest, dump),
                schema_sha256=manifest.schema_digest(schema),
                tables=tables,
            )
    finally:
        await connection.close()
    manifest.write(folder, taken)
    return taken


def _demand_empty(folder: Path) -> None:
    """Make *folder*, for its owner only: it holds what the walls of the database keep apart."""
    from equityaccess.commands.manifest import BackupError

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty: every backup has a folder of its own.")
    folder.chmod(0o700)


def program(name: str, url: str, *arguments: str) -> bytes:
    """What a client program of PostgreSQL, of the release that we bring, says about the database at *url*.

    Raises BackupError with its complaint.
    """
    from equityaccess import embedded
    from equityaccess.commands import manifest

    shown, secret = manifest.without_password(url)
    command = [str(embedded.binaries() / name), f"--dbname={shown}", "--no-password", *arguments]
    done = subprocess.run(command, env=os.environ | secret, capture_output=True, check=False)
    if done.returncode:
        raise manifest.BackupError(f"{name} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
