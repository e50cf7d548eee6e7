"""Plants secrets wherever one may stand, runs a small job, and looks for them where none may be.

  cd scripts && PGPASSWORD=… python -m faults.planted_secrets --postgresql postgresql://USER@HOST

Planted are the passwords and tokens of a living PostgreSQL and purchase API in the environment,
every form of secret_forms.py in a setting that is kept with the run, an address with a password on
the command line, and wrong ones of all of these. Looked at are lake, reports, exports, landing
folder, event logs, what the commands and Spark say at level INFO, and the list of processes while
they run. The role and the database that it makes on the server are dropped at the end. Exit code 1
where a secret was found, or a command ended otherwise than it should.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from time import sleep
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from faults.scanning import in_files, processes
from faults.secret_forms import FORMS

ROOT = Path(__file__).resolve().parent.parent.parent
_LOOKED_AT = ("lake", "reports", "exports", "landing", "events", "said", "tmp")
_NAME = "custseg_planted"
_SALES = """CREATE TABLE sales_facts AS
SELECT 'c' || n % 12 AS customer_id, n AS order_id, DATE '2024-01-01' + n % 90 AS order_date,
  n % 7 AS product_id, 1 + n % 3 AS quantity, 2.5 AS unit_price, 0.0 AS discount,
  2.5 * (1 + n % 3) AS net_amount
FROM generate_series(1, 90) AS n"""
_SMALL = ("model.k=2", 'model.algorithms=["kmeans"]', "model.stability.bootstraps=0")
_LOGGING = """rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n%ex
"""
# The last stands to the end of its text.
_FORMS = sorted(FORMS, key=lambda form: form.name == "pem_cut_off")


@dataclass(frozen=True)
class Command:
    """A command line, what its environment has beside the rest, and how it must end."""

    name: str
    line: Sequence[str]
    ends: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What was planted, found, and how the commands ended."""

    planted: dict[str, str]
    found: list[str] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    command_lines: int = 0


def planted() -> dict[str, str]:
    """A secret a place, with marks that part URLs and connections where it can hold them."""
    places = [form.name for form in FORMS]
    places += ["jdbc", "aws", "azure", "api_token", "api_login", "command_line"]
    places += ["wrong_jdbc", "wrong_token", "wrong_dsn"]
    planted_secrets = {place: f"Pl4nted@{secrets.token_hex(6)};x" for place in places}
    plain = [form.name for form in FORMS if set(form.never) & set("@;")]
    return planted_secrets | {p: secrets.token_hex(8) for p in (*plain, "api_token", "wrong_token")}


def run(folder: Path, postgresql: str, names: Collection[str] | None = None) -> Outcome:
    """Plants, runs and looks; `postgresql` is the URL of a server, of a user who may make roles.

    `names` are the commands to run, by default all of them.
    """
    outcome = Outcome(planted())
    for name in ("said", "events", "tmp"):
        (folder / name).mkdir(parents=True)
    with _database(postgresql, outcome.planted["jdbc"]) as server, _api(outcome.planted) as port:
        _write_configuration(folder, outcome.planted, server, port)
        # A command line is its owner's business; all else of it is looked for below.
        on_command_lines = ("command_line", "wrong_dsn")
        watched = {p: s for p, s in outcome.planted.items() if p not in on_command_lines}
        with processes(watched) as watch:
            for command in _commands(folder, outcome.planted, server, port):
                if names is None or command.name in names:
                    _run(command, folder, outcome)
    outcome.command_lines = sum(b"custseg" in line or b"jobs/" in line for line in watch.seen)
    outcome.found = [*sorted(watch.found), *_in_files(folder, outcome.planted)]
    return outcome


def _in_files(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    control = in_files([folder / "planted.toml"], secrets)
    assert len(control) >= len(FORMS), "a look at the planted file must find them"
    return in_files([folder / name for name in _LOOKED_AT if (folder / name).exists()], secrets)


def _write_configuration(folder: Path, secrets: Mapping[str, str], server: str, port: int) -> None:
    """The settings, each form in a text that is kept with the run."""
    forms = "\n".join(form.of(secrets[form.name]) for form in _FORMS)
    login = quote(secrets["api_login"], "")
    (folder / "planted.toml").write_text(
        f'[fetch]\nurl = "http://ann:{login}@127.0.0.1:{port}"\n'
        f'[sources.sales_facts]\npath = "jdbc:{server.replace("planted@", "")}"\n'
        f"description = {_toml(forms)}\n"
    )
    (folder / "customers.csv").write_text("mobile\n7000000001\n7000000002\n")
    (folder / "log4j2.properties").write_text(_LOGGING)


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _commands(
    folder: Path, secrets: Mapping[str, str], server: str, port: int
) -> Iterator[Command]:
    lake, config = f"--lake={folder}/lake", f"--config={folder}/planted.toml"
    small = [f"--set={setting}" for setting in _SMALL]
    address = f"--set=fetch.url=https://ann:{quote(secrets['command_line'], '')}@api.example"
    fetched = [config, f"--customers={folder}/customers.csv"]
    yield Command("segment", [*_job("segment", folder), config, lake, *small, address])
    yield Command("export", [*_job("export", folder), lake, f"--to={server}"])
    yield Command("export_csv", [*_job("export", folder), lake, f"--to=csv:{folder}/exports"])
    api = f"--url=http://127.0.0.1:{port}"
    yield Command("fetch", [*_custseg("fetch"), *fetched, api, f"--to={folder}/landing"])
    wrong = {"CUSTSEG_JDBC_PASSWORD": secrets["wrong_jdbc"], "PGPASSWORD": secrets["wrong_jdbc"]}
    yield Command("wrong_jdbc", [*_job("ingest", folder), config, lake], 3, wrong)
    yield Command("wrong_password", [*_job("export", folder), lake, f"--to={server}"], 3, wrong)
    token = {"CUSTSEG_API_TOKEN": secrets["wrong_token"]}
    yield Command("wrong_token", [*_custseg("fetch"), *fetched, f"--to={folder}/tmp/l"], 3, token)
    dsn = f"--to=host=127.0.0.1 user=planted password={secrets['wrong_dsn']}"
    yield Command("wrong_dsn", [*_custseg("export"), lake, dsn], 2)


def _job(name: str, folder: Path) -> list[str]:
    log = f"-Dlog4j2.configurationFile=file:{folder}/log4j2.properties"
    java = f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m {log}"
    settings = {
        "spark.driver.extraJavaOptions": java,
        "spark.driver.memory": "2g",
        "spark.master": "local[2]",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file:{folder}/events",
        "spark.eventLog.compress": "false",
        "spark.sql.shuffle.partitions": "2",
    }
    options = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    return [spark_submit, *options, str(ROOT / "jobs" / f"{name}.py")]


def _custseg(name: str) -> list[str]:
    start = "from custseg_spark.interfaces.cli.main import console; console()"
    return [sys.executable, "-c", start, name]


def _run(command: Command, folder: Path, outcome: Outcome) -> None:
    secrets = outcome.planted
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "tmp"),
        "CUSTSEG_JDBC_USER": "planted",
        "CUSTSEG_JDBC_PASSWORD": secrets["jdbc"],
        "PGPASSWORD": secrets["jdbc"],
        "CUSTSEG_API_TOKEN": secrets["api_token"],
        "AWS_SECRET_ACCESS_KEY": secrets["aws"],
        "AZURE_STORAGE_KEY": secrets["azure"],
        **command.environment,
    }
    done = subprocess.run(
        command.line, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    (folder / "said" / f"{command.name}.txt").write_text(f"{done.stdout}\n{done.stderr}")
    outcome.ended[command.name] = done.returncode
    if done.returncode != command.ends:
        errors = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("INFO"))
        outcome.wrong.append(
            f"{command.name} ended with {done.returncode}, not {command.ends}:\n{errors[-3000:]}"
        )


@contextmanager
def _database(postgresql: str, password: str) -> Iterator[str]:
    """The URL of a new database with sales facts, for a new role of that password."""
    with psycopg.connect(postgresql, dbname="postgres", autocommit=True) as connection:
        role = Identifier(_NAME)
        connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(role))
        connection.execute("DROP ROLE IF EXISTS planted")
        connection.execute(SQL("CREATE ROLE planted LOGIN PASSWORD {}").format(Literal(password)))
        connection.execute(SQL("CREATE DATABASE {} OWNER planted").format(role))
        parts = urlsplit(postgresql)
        try:
            with psycopg.connect(postgresql, dbname=_NAME, autocommit=True) as made:
                made.execute("SET ROLE planted")
                made.execute(_SALES)
            yield f"postgresql://planted@{parts.hostname}:{parts.port or 5432}/{_NAME}"
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(role))
            connection.execute("DROP ROLE planted")


@contextmanager
def _api(secrets: Mapping[str, str]) -> Iterator[int]:
    """The port of a purchase API that asks for the planted token."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    program = [sys.executable, str(ROOT / "scripts" / "purchase_api.py"), f"--port={port}"]
    environment = {**os.environ, "CUSTSEG_API_TOKEN": secrets["api_token"]}
    with subprocess.Popen(program, env=environment) as process:
        try:
            while process.poll() is None:
                with socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                sleep(0.1)
            yield port
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgresql", required=True, metavar="URL", help="without a password")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="custseg-planted-") as folder:
        outcome = run(Path(folder), options.postgresql)
    print(f"{len(outcome.planted)} secrets planted, {outcome.command_lines} command lines seen")
    print("\n".join(f"{name} ended with {code}" for name, code in outcome.ended.items()))
    print("\n".join([f"found: {each}" for each in outcome.found] or ["none was found"]))
    print("\n".join(outcome.wrong))
    sys.exit(bool(outcome.found or outcome.wrong))


if __name__ == "__main__":
    main()
