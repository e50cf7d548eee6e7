"""Audience files: segments' customers for advertising platforms, as hashes and with consent only.

E-mail addresses and telephone numbers are read from a separate file when an audience is made, and
never enter the lake: data that isn't stored can't leak, and needn't be erased. Only hashes are
written.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa

from custseg_spark.core.customers import contacts
from custseg_spark.core.customers.contacts import Dialling
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SEGMENT_PROFILES
from custseg_spark.engine.permissions import withheld
from custseg_spark.errors import InputError, nearest
from custseg_spark.outputs.exports.folder import Folder, never
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.paths import Place

ROLES = ("customer_id", "consent", "email", "phone")
_SUMMARY = "audiences.json"


@dataclass(frozen=True)
class AudienceRequest:
    """A request for the files of `platforms` for a run's `segments` (ids or names; none: all).

    `columns` names the contacts' columns by their role. With a `control_share`, customers whom the
    campaign's export holds back are left out.
    """

    contacts: Path
    columns: Mapping[str, str]
    platforms: tuple[str, ...]
    segments: tuple[str, ...] = ()
    algorithm: str = "kmeans"
    run_date: date | None = None
    dialling: Dialling = field(default_factory=Dialling)
    campaign: str | None = None
    control_share: float = 0.0


@dataclass(frozen=True)
class Audience:
    """A segment's audience: the number of its customers, and of others by reason."""

    segment_id: int
    segment: str
    customers: int
    held_back: int
    without_contact: int
    without_consent: int
    unusable: int
    files: Mapping[str, int]

    @property
    def included(self) -> int:
        """The number of customers in the files."""
        return (
            self.customers
            - self.held_back
            - (self.without_contact + self.without_consent + self.unusable)
        )


@dataclass(frozen=True)
class Audiences:
    """The audiences of a run."""

    run_date: date
    folder: str
    audiences: tuple[Audience, ...]


def write(reader: LakeReader, request: AudienceRequest, folder: Place, umask: str) -> Audiences:
    """Write a file per segment and platform, all at once; other files in the folder stay.

    Raises InputError for a missing run, segment or column.
    """
    reader = reader.at_one_moment()
    day = run_date_of(reader, request.run_date)
    names = _segments(reader, day, request)
    agreed = _contacts(request)
    target = Folder(folder, "csv", never)
    audiences = []
    with withheld(umask), target.opened() as loading:
        everybody = _members(reader, day, request.algorithm, list(names))
        for segment_id, name in names.items():
            members = everybody.filter(pl.col("segment_id") == segment_id)["customer_id"]
            audience, files = _audience(segment_id, name, members, agreed, request, day)
            for file, frame in files.items():
                loading.stage_text(file, frame.write_csv(quote_style="necessary"))
            audiences.append(audience)
        audiences_ = Audiences(day, target.shown, tuple(audiences))
        summary = {**asdict(audiences_), "run_date": day.isoformat()}
        loading.stage_text(_SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        loading.publish()
    return audiences_


def _segments(reader: LakeReader, day: date, request: AudienceRequest) -> dict[int, str]:
    """Return the requested segments' names by id."""
    columns = ["algorithm", "segment_id", "segment_name", "customers"]
    rows = reader.rows(SEGMENT_PROFILES, columns, [day]).to_pylist()
    of_run = {
        row["segment_id"]: row["segment_name"]
        for row in sorted(rows, key=lambda row: row["segment_id"])
        if row["algorithm"] == request.algorithm and row["customers"]
    }
    if not of_run:
        algorithms = {row["algorithm"] for row in rows}
        raise InputError(
            f"the run of {day} has no segments by {request.algorithm}"
            f"{nearest(request.algorithm, algorithms)}"
        )
    chosen = {}
    for id_or_name in request.segments:
        ids = [i for i, name in of_run.items() if id_or_name in (str(i), name)]
        if not ids:
            choices = [*map(str, of_run), *of_run.values()]
            raise InputError(
                f"the run of {day} has no segment '{id_or_name}'{nearest(id_or_name, choices)}"
            )
        chosen.update({i: of_run[i] for i in ids})
    return chosen or of_run


def _members(
    reader: LakeReader, day: date, algorithm: str, segment_ids: Sequence[int]
) -> pl.DataFrame:
    """Return the ids of segments' customers, with one file of the table in memory at a time."""
    kernel = partial(_ids, algorithm=algorithm, segment_ids=segment_ids)
    columns = ["algorithm", "customer_id", "segment_id"]
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "segment_id": pl.Int32})
    return pl.concat([nobody, *reader.map_files(CUSTOMER_SEGMENTS, day, kernel, columns)])


def _ids(rows: pa.Table, *, algorithm: str, segment_ids: Sequence[int]) -> pl.DataFrame:
    is_wanted = (pl.col("algorithm") == algorithm) & pl.col("segment_id").is_in(segment_ids)
    frame = pl.DataFrame(pl.from_arrow(rows)).filter(is_wanted)
    return frame.select(pl.col("customer_id").cast(pl.String), pl.col("segment_id").cast(pl.Int32))


def _contacts(request: AudienceRequest) -> pl.DataFrame:
    """Return one row per contact: `customer_id`, `consents`, normalised `email` and `phone`."""
    with _explained(request.contacts):
        file = _scanned(request.contacts)
        there = file.collect_schema().names()
        columns = _present(request.columns, there)
        for role, column in columns.items():
            if column not in there:
                raise InputError(
                    f"{request.contacts} has no column '{column}' ({role}){nearest(column, there)};"
                    f" name it by --columns {role}=COLUMN"
                )
        texts = {
            role: pl.col(column).cast(pl.String) if column else pl.lit(None, pl.String)
            for role, column in {r: columns.get(r) for r in ROLES}.items()
        }
        return file.select(
            customer_id=texts["customer_id"].str.strip_chars(),
            consents=contacts.consents(texts["consent"]),
            email=contacts.email(texts["email"]),
            phone=contacts.phone(texts["phone"], request.dialling),
        ).collect()


def _present(columns: Mapping[str, str], there: Sequence[str]) -> dict[str, str]:
    """Return the columns without default ones for e-mail or telephone that the file lacks."""
    absent = {r for r in ("email", "phone") if columns.get(r) == r and r not in there}
    optional = absent if absent < {"email", "phone"} & columns.keys() else set()
    return {role: column for role, column in columns.items() if role not in optional}


def _scanned(path: Path) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    # Values are read as text: the leading zero of a telephone number counts.
    return pl.scan_csv(path, infer_schema=False)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        line = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path} can't be read as CSV or Parquet: {line}") from None


def _audience(
    segment_id: int,
    name: str,
    members: pl.Series,
    agreed: pl.DataFrame,
    request: AudienceRequest,
    day: date,
) -> tuple[Audience, dict[str, pl.DataFrame]]:
    """Return a segment's audience, and the rows of its files by name."""
    treated = members
    if request.control_share:
        label = request.campaign or day.isoformat()
        treated = members.filter(~contacts.is_held_back(members, label, request.control_share))
    consenting = agreed.filter(pl.col("customer_id").is_in(treated.implode()))
    willing = consenting.filter("consents")
    usable = willing.filter(pl.col("email").is_not_null() | pl.col("phone").is_not_null())
    counts = [_customers(each) for each in (consenting, willing, usable)]
    files = {
        f"{platform}-segment-{segment_id}.csv": contacts.PLATFORMS[platform](usable)
        for platform in request.platforms
    }
    audience = Audience(
        segment_id,
        name,
        customers=len(members),
        held_back=len(members) - len(treated),
        without_contact=len(treated) - counts[0],
        without_consent=counts[0] - counts[1],
        unusable=counts[1] - counts[2],
        files={file: len(frame) for file, frame in files.items()},
    )
    return audience, files


def _customers(rows: pl.DataFrame) -> int:
    return rows["customer_id"].n_unique()


def table_of(audiences: Audiences) -> str:
    """Return the audiences as a table of text."""
    lines = [
        f"Audiences of the run of {audiences.run_date} in {audiences.folder}: hashes alone, of"
        " customers with consent",
        f"  {'segment':<30}{'customers':>10}{'in files':>10}{'held back':>11}"
        f"{'no contact':>12}{'no consent':>12}{'unusable':>10}",
    ]
    lines += [
        f"  {_shown(a):<30}{a.customers:>10,}{a.included:>10,}{a.held_back:>11,}"
        f"{a.without_contact:>12,}{a.without_consent:>12,}{a.unusable:>10,}"
        for a in audiences.audiences
    ]
    return "\n".join(lines)


def _shown(audience: Audience) -> str:
    return f"{audience.segment_id} {audience.segment}"[:29]


def require_roles(columns: Mapping[str, str]) -> Sequence[str]:
    """Return the roles that the named columns lack."""
    needed = [role for role in ("customer_id", "consent") if role not in columns]
    return needed if {"email", "phone"} & columns.keys() else [*needed, "email or phone"]
