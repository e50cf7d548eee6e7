"""The whole way in one command: generate a trial shop, fetch its purchases, segment, export.

`python scripts/run_pipeline.py` takes the steps one after the other; named ones alone, such as
`extract`, take what the steps before left in the folder. Without --url a trial API of the same shop
answers on this machine while it is asked. Each step is the command of that name in
docs/guides/purchase_history.md.
"""

import argparse
import csv
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEPS = ("generate", "extract", "transform", "load")
_API_WAIT_S = 60


@dataclass(frozen=True)
class Pipeline:
    """The folder of a trial shop, and what makes it."""

    folder: Path
    customers: int
    seed: int
    url: str | None
    to: str

    def generate(self) -> None:
        """Customers and their attributes: customers.csv."""
        self._run(
            "scripts/generate_customers.py",
            f"--customers={self.customers}",
            f"--seed={self.seed}",
            f"--out={self.folder}",
        )

    def extract(self) -> None:
        """Their purchases, from the API into `landing`; and joined_data.csv."""
        with self._api() as url:
            self._run(
                "jobs/fetch.py",
                f"--customers={self.folder / 'customers.csv'}",
                f"--url={url}",
                f"--to={self.folder / 'landing'}",
            )
        target = self.folder / "joined_data.csv"
        rows = join(self.folder / "customers.csv", self.folder / "landing", target)
        print(f"Joined {rows:,} rows into {target}")

    def transform(self) -> None:
        """Segments, in the lake."""
        self._run(
            "jobs/segment.py",
            f"--config={ROOT / 'conf' / 'presets' / 'purchase_history.toml'}",
            f"--lake={self.folder / 'lake'}",
            f"--source=customers={self.folder / 'customers.csv'}",
            f"--source=purchase_history={self.folder / 'landing'}",
        )

    def load(self) -> None:
        """The reporting tables, in the database."""
        self._run("jobs/export.py", f"--lake={self.folder / 'lake'}", f"--to={self.to}")

    def _run(self, program: str, *arguments: str) -> None:
        """Runs a program of the checkout; its exit code ends this one, unless it is 0."""
        done = subprocess.run([sys.executable, ROOT / program, *arguments], check=False)
        if done.returncode:
            sys.exit(done.returncode)

    @contextmanager
    def _api(self) -> Iterator[str]:
        if self.url:
            yield self.url
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, str(ROOT / "scripts" / "purchase_api.py"), f"--port={port}"]
        server = subprocess.Popen([*command, f"--seed={self.seed}"], env=os.environ)
        try:
            _wait_for(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def join(customers: Path, landing: Path, target: Path) -> int:
    """Writes each customer's attributes beside each purchase; a customer without has one row.

    Memory holds the customers. The file appears under its name once it is whole.
    """
    with customers.open(encoding="utf-8", newline="") as stream:
        people = {row["mobile"]: row for row in csv.DictReader(stream)}
    attributes = list(next(iter(people.values()))) if people else ["mobile"]
    beside, rows = target.with_name(f".{target.name}.part"), 0
    seen: set[str] = set()
    with beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*attributes, "date", "amount", "store"])
        writer.writeheader()
        for mobile, purchases in _landed(landing):
            if mobile not in people or mobile in seen:
                continue
            seen.add(mobile)
            # A customer without purchases has one row without these.
            bought = [{n: p.get(n) for n in ("date", "amount", "store")} for p in purchases]
            for purchase in bought or [{}]:
                writer.writerow({**people[mobile], **purchase})
                rows += 1
        for mobile in people.keys() - seen:
            writer.writerow(people[mobile])
            rows += 1
    beside.replace(target)
    return rows


def _landed(landing: Path) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Each customer's purchases in the files of a fetch; what stayed malformed is passed over."""
    for path in sorted(landing.glob("purchases-*.jsonl")):
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                answer = json.loads(line)
                if isinstance(answer.get("purchases"), list):
                    yield str(answer["mobile"]), answer["purchases"]


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Returns once the server answers, whatever it says."""
    for _ in range(_API_WAIT_S * 10):
        if server.poll() is not None:
            sys.exit(f"the trial API ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"the trial API at {url} doesn't answer")


def main(argv: Sequence[str] | None = None) -> None:
    """Takes the steps of a command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}; or all")
    parser.add_argument("--folder", type=Path, default=Path("data/shop"), metavar="DIR")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--url", help="of a purchase API (default: a trial API of this shop)")
    parser.add_argument("--to", metavar="TARGET", help="default: sqlite:///DIR/reports.db")
    options = parser.parse_args(argv)
    for step in options.steps:
        if step not in STEPS:
            parser.error(f"unknown step '{step}'; known: {', '.join(STEPS)}")
    folder = options.folder.absolute()
    target = options.to or f"sqlite:///{folder / 'reports.db'}"
    pipeline = Pipeline(folder, options.customers, options.seed, options.url, target)
    for step in [step for step in STEPS if step in options.steps] or STEPS:
        print(f"--- {step}", flush=True)
        getattr(pipeline, step)()


if __name__ == "__main__":
    main()
