"""A throw-away PostgreSQL server of the system's packages, for tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "s3cret%word"
QUOTED_PASSWORD = "s3cret%25word"
_SETTINGS = {
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    # A temporary folder's path may be too long for a socket.
    "unix_socket_directories": "",
}


def binaries() -> Path | None:
    """The folder of the server's programs; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = [Path(on_path).resolve()] if on_path else found
    return programs[-1].parent if programs else None


@dataclass(frozen=True)
class Server:
    """A running server; each test makes a database of its own."""

    port: int

    def url(self, database: str, user: str = "loader", password: str = QUOTED_PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def query(self, database: str, sql: Any, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, which commits by itself."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def started(programs: Path) -> Iterator[Server]:
    """A server in a temporary folder; as another user where this one is root, which it refuses."""
    with tempfile.TemporaryDirectory(prefix="custseg-postgresql-") as name:
        folder, user = Path(name), {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "password").write_text(PASSWORD)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", str(folder / "data"), *arguments]
            done = subprocess.run(
                command, cwd=folder, text=True, check=False, stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL, **user,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr

        (folder / "password").chmod(0o644)
        secret = f"--pwfile={folder / 'password'}"
        run("initdb", "-U", "loader", "-A", "scram-sha-256", "-E", "UTF8", "-N", secret)
        options = " ".join(f"-c {key}='{value}'" for key, value in _SETTINGS.items())
        log = str(folder / "data" / "log")
        run("pg_ctl", "start", "-w", "-l", log, "-o", f"-p {port} {options}")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
