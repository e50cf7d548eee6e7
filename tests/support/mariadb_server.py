"""A throw-away MariaDB server of the system's packages, for tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER, PASSWORD = "loader", "s3cret%word"
# Debian: libmariadb-java.
DRIVER = Path("/usr/share/java/mariadb-java-client.jar")
_WAIT_S = 60


def is_installed() -> bool:
    """Whether server, client and driver are there."""
    programs = ("mariadbd", "mariadb-install-db", "mariadb")
    return DRIVER.exists() and all(shutil.which(program) for program in programs)


@dataclass(frozen=True)
class Server:
    """A running server; each test makes a database of its own."""

    port: int
    socket: Path

    def url(self, database: str, kind: str = "mariadb") -> str:
        """The address for JDBC, without credentials."""
        return f"jdbc:{kind}://127.0.0.1:{self.port}/{database}"

    def query(self, sql: str, database: str = "mysql") -> list[tuple[str, ...]]:
        """The rows of statements as texts, NULL as the text."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root"]
        done = subprocess.run(
            [*command, "--batch", "--skip-column-names", "--raw", database],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


@contextmanager
def started() -> Iterator[Server]:
    """A server in a temporary folder, which only this machine reaches."""
    with tempfile.TemporaryDirectory(prefix="custseg-mariadb-") as name:
        folder, user = Path(name), "root"
        if os.geteuid() == 0:
            user = "mysql"
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = [f"--datadir={folder / 'data'}", f"--user={user}"]
        install = ["mariadb-install-db", "--no-defaults", *data, "--skip-test-db"]
        normal = "--auth-root-authentication-method=normal"
        subprocess.run([*install, normal], check=True, capture_output=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(port, folder / "socket")
        process = subprocess.Popen(
            [
                *("mariadbd", "--no-defaults", *data, f"--port={port}"),
                *("--bind-address=127.0.0.1", f"--socket={server.socket}"),
                *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"),
                *("--skip-log-bin", f"--pid-file={folder / 'pid'}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(server, process)
            server.query(
                f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';"
                f" GRANT ALL ON *.* TO '{USER}'@'%';"
            )
            yield server
        finally:
            process.kill()
            process.wait()


def _wait_for(server: Server, process: "subprocess.Popen[Any]") -> None:
    for _ in range(_WAIT_S * 10):
        assert process.poll() is None, "mariadbd ended"
        try:
            server.query("SELECT 1")
            return
        except AssertionError:
            time.sleep(0.1)
    raise AssertionError("mariadbd doesn't answer")
