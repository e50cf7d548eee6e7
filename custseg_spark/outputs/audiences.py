"""Audience files: segments' customers for advertising platforms, as hashes and with consent only.

E-mail addresses and telephone numbers are read from a file of their own when an audience is made,
and never enter the lake: what isn't held can't leak, and needn't be erased. Nothing but hashes is
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
    """What to make: of `segments` (ids or names; none: all) of a run the files of `platforms`.

    `columns` names the contacts' columns by their role. With a `control_share` the customers whom
    the export of that campaign holds back are left out.
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
    """A segment's audience: how many of its customers are in it, and why the others aren't."""

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
        """How many customers are in the files."""
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
    """Writes a file a segment and platform, all at once; other files in the folder stay.

    Raises InputError for a run, segment or column that isn't there.
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
        made = Audiences(day, target.shown, tuple(audiences))
        summary = {**asdict(made), "run_date": day.isoformat()}
        loading.stage_text(_SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
        loading.publish()
    return made


def _segments(reader: LakeReader, day: date, request: AudienceRequest) -> dict[int, str]:
    """The wanted segments' names by id."""
    wanted = ["algorithm", "segment_id", "segment_name", "customers"]
    rows = reader.rows(SEGMENT_PROFILES, wanted, [day]).to_pylist()
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
    found = {}
    for asked in request.segments:
        ids = [i for i, name in of_run.items() if asked in (str(i), name)]
        if not ids:
            known = [*map(str, of_run), *of_run.values()]
            raise InputError(f"the run of {day} has no segment '{asked}'{nearest(asked, known)}")
        found.update({i: of_run[i] for i in ids})
    return found or of_run


def _members(
    reader: LakeReader, day: date, algorithm: str, segment_ids: Sequence[int]
) -> pl.DataFrame:
    """The customers of some segments, by ids alone; a file of the table in memory at a time."""
    kernel = partial(_ids, algorithm=algorithm, segment_ids=segment_ids)
    columns = ["algorithm", "customer_id", "segment_id"]
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "segment_id": pl.Int32})
    return pl.concat([nobody, *reader.map_files(CUSTOMER_SEGMENTS, day, kernel, columns)])


def _ids(rows: pa.Table, *, algorithm: str, segment_ids: Sequence[int]) -> pl.DataFrame:
    is_wanted = (pl.col("algorithm") == algorithm) & pl.col("segment_id").is_in(segment_ids)
    frame = pl.DataFrame(pl.from_arrow(rows)).filter(is_wanted)
    return frame.select(pl.col("customer_id").cast(pl.String), pl.col("segment_id").cast(pl.Int32))


def _contacts(request: AudienceRequest) -> pl.DataFrame:
    """A row a contact: `customer_id`, `consents`, normalised `email` and `phone`."""
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
    """The columns without an e-mail or telephone that nobody named and that isn't there."""
    absent = {r for r in ("email", "phone") if columns.get(r) == r and r not in there}
    optional = absent if absent < {"email", "phone"} & columns.keys() else set()
    return {role: column for role, column in columns.items() if role not in optional}


def _scanned(path: Path) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    # Every value as it stands: a telephone number's leading zero says something.
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
    """A segment's audience and its files' rows by their names."""
    treated = members
    if request.control_share:
        label = request.campaign or day.isoformat()
        treated = members.filter(~contacts.is_held_back(members, label, request.control_share))
    known = agreed.filter(pl.col("customer_id").is_in(treated.implode()))
    willing = known.filter("consents")
    usable = willing.filter(pl.col("email").is_not_null() | pl.col("phone").is_not_null())
    counts = [_customers(each) for each in (known, willing, usable)]
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


def said(made: Audiences) -> str:
    """The audiences as a table."""
    lines = [
        f"Audiences of the run of {made.run_date} in {made.folder}: hashes alone, of customers"
        " with consent",
        f"  {'segment':<30}{'customers':>10}{'in files':>10}{'held back':>11}"
        f"{'no contact':>12}{'no consent':>12}{'unusable':>10}",
    ]
    lines += [
        f"  {_shown(a):<30}{a.customers:>10,}{a.included:>10,}{a.held_back:>11,}"
        f"{a.without_contact:>12,}{a.without_consent:>12,}{a.unusable:>10,}"
        for a in made.audiences
    ]
    return "\n".join(lines)


def _shown(audience: Audience) -> str:
    return f"{audience.segment_id} {audience.segment}"[:29]


def require_roles(columns: Mapping[str, str]) -> Sequence[str]:
    """The roles that are missing among the named columns."""
    needed = [role for role in ("customer_id", "consent") if role not in columns]
    return needed if {"email", "phone"} & columns.keys() else [*needed, "email or phone"]
