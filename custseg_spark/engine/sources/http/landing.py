"""A landing folder: the purchases of an API as files of JSON lines, a file some thousand customers.

A file appears under its name when it is whole, so that which files are there says what is done:
the same command after a kill goes on from there. A file with an answer that stayed malformed ends
in `.quarantined.jsonl`: it is ingested like the others, and asked for again by the next fetch. No
Spark in this module.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from custseg_spark import redaction
from custseg_spark.config.settings import FetchConfig
from custseg_spark.engine.folder_locks import locked
from custseg_spark.engine.sources.formats.json_text import QUARANTINED
from custseg_spark.engine.sources.http.answers import MalformedError
from custseg_spark.engine.sources.http.api import PurchaseApi
from custseg_spark.errors import TargetError

log = redaction.logger()

# A batch is halved so often at most: where each answer is malformed, that would never end well.
_MOST_SPLITS = 64


@dataclass(frozen=True)
class Part:
    """Some customers, whose purchases make one file."""

    number: int
    mobiles: Sequence[str]

    @property
    def stem(self) -> str:
        """The file's name without its ending: other customers make another file."""
        digest = hashlib.sha256("\n".join(self.mobiles).encode()).hexdigest()
        return f"purchases-{self.number:06}-{digest[:12]}"


@dataclass(frozen=True)
class Fetched:
    """What a fetch did: `customers` were asked for, for `quarantined` of them nothing proper came.

    `customers_there` are those whose file was there already.
    """

    customers: int = 0
    customers_there: int = 0
    purchases: int = 0
    quarantined: int = 0
    files: int = 0

    def __add__(self, other: "Fetched") -> "Fetched":
        """Both together."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Fetched(*(one + two for one, two in pairs))


def fetch(customers: Iterable[str], folder: Path, api: PurchaseApi, config: FetchConfig) -> Fetched:
    """Write the purchases of the customers into files of a folder, but for those it has.

    Memory holds the customers of `fetch.parallel` files and a page of each. Raises ConflictError
    while another fetch fills the folder, TargetError for one that can't be written, InputError as
    `PurchaseApi` does; files that are being
    written then are finished first, if they can be.
    """
    done, running = Fetched(), set[Future[Fetched]]()
    with _alone(folder), ThreadPoolExecutor(config.parallel) as pool:
        for part in _parts(customers, config.customers_per_file):
            if (folder / f"{part.stem}.jsonl").exists():
                done += Fetched(customers_there=len(part.mobiles))
                continue
            if len(running) == config.parallel:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                done = _reported(done, ended, api)
            running.add(pool.submit(_write, part, folder, api, config))
        for future in as_completed(running):
            done = _reported(done, [future], api)
    return done


def _reported(done: Fetched, ended: Iterable[Future[Fetched]], api: PurchaseApi) -> Fetched:
    """What is done with these, which is logged."""
    done = sum((future.result() for future in ended), done)
    log.info(
        "%s customers, %s purchases, %s requests, %s of them again, %s customers quarantined",
        *(f"{n:,}" for n in (done.customers, done.purchases, api.requests, api.retries)),
        f"{done.quarantined:,}",
    )
    return done


def _parts(customers: Iterable[str], size: int) -> Iterator[Part]:
    remaining = iter(customers)
    number = 0
    while some := list(islice(remaining, size)):
        yield Part(number, list(dict.fromkeys(some)))
        number += 1


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Create and lock the folder, and remove what a killed fetch was writing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, f"another fetch is filling {folder}"):
            for unfinished in folder.glob(".purchases-*.part"):
                unfinished.unlink()
            yield
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise TargetError(f"{folder}: can't be written: {error.strerror}") from error


def _write(part: Part, folder: Path, api: PurchaseApi, config: FetchConfig) -> Fetched:
    unfinished = folder / f".{part.stem}.part"
    done = Fetched(files=1)
    with unfinished.open("xb") as stream:
        for start in range(0, len(part.mobiles), config.batch_size):
            done += _ask(part.mobiles[start : start + config.batch_size], api, stream)
        stream.flush()
        os.fsync(stream.fileno())
    quarantined = folder / f"{part.stem}.quarantined.jsonl"
    if done.quarantined:
        unfinished.replace(quarantined)
    else:
        unfinished.replace(folder / f"{part.stem}.jsonl")
        quarantined.unlink(missing_ok=True)
    return done


def _ask(batch: Sequence[str], api: PurchaseApi, stream: BinaryIO) -> Fetched:
    """Write the purchases of a batch, or a line with the customers who got no proper answer.

    A batch whose answer stays malformed is halved and halved again, so that one customer whom the
    API can't tell of doesn't take the others along.
    """
    done, waiting, splits = Fetched(customers=len(batch)), [batch], 0
    while waiting:
        some, begin = waiting.pop(), stream.tell()
        try:
            pages = api.pages(some, patient=some is batch)
            done += Fetched(purchases=sum(_put(stream, purchases) for purchases in pages))
        except MalformedError as error:
            # Pages before the malformed one come again with the halves: none twice.
            stream.seek(begin)
            stream.truncate()
            if len(some) > 1 and splits < _MOST_SPLITS:
                middle, splits = len(some) // 2, splits + 1
                waiting += [some[middle:], some[:middle]]
            else:
                _put(stream, [{QUARANTINED: error.why, "mobiles": some, "answer": error.answer}])
                done += Fetched(quarantined=len(some))
    return done


def _put(stream: BinaryIO, records: Sequence[Mapping[str, Any]]) -> int:
    stream.writelines(f"{json.dumps(record)}\n".encode() for record in records)
    return len(records)
