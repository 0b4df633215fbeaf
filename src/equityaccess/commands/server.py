"""The database of a command: the one that is named, else one that runs as long as the command does."""

import contextlib
from collections.abc import Iterator

import msgspec

from equityaccess.settings import Settings, data_dir


@contextlib.contextmanager
def database_url(settings: Settings) -> Iterator[Settings]:
    """*settings* with a ``database_url`` that answers; the embedded PostgreSQL is started (or shared) if none is given.

    Raises NoPostgres.
    """
    if settings.database_url:
        yield settings
        return
    from equityaccess import embedded

    with embedded.postgres(data_dir(settings) / "pg") as url:
        yield msgspec.structs.replace(settings, database_url=url)
