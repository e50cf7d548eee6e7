"""The model that a stream scores with: the model of the lake's latest run."""

from dataclasses import dataclass
from datetime import date

from custseg_spark import redaction
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.core.features import learned
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.registry import all_features
from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.reader import algorithms_of, portable_of
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.engine.spark import sealing
from custseg_spark.engine.spark.file_systems import read_bytes
from custseg_spark.errors import InputError
from custseg_spark.paths import place

log = redaction.logger()


@dataclass(frozen=True)
class PublishedModel:
    """The main model of a run, and the values learned from all customers."""

    run_id: str
    run_date: date
    model: ScoringModel
    learned: Learned


def latest(lake: Lake, last: PublishedModel | None) -> tuple[PublishedModel | None, str]:
    """Return the model of the latest run date's run, or else the reason why there is none.

    `last` is returned if it is that run's. It is also returned, with the reason, if that run can't
    be read or needs more than events.
    """
    rows = dicts_of(lake.rows(RUNS, ["run_date", RUN_ID, "models", "model_hashes", "config"]))
    if not rows:
        return None, "no run has published a model yet"
    run = max(rows, key=lambda row: row["run_date"])
    if last is not None and last.run_id == run[RUN_ID]:
        return last, ""
    try:
        return _of_run(lake, run), ""
    except InputError as error:
        log.warning("the run of %s can't be scored with: %s", run["run_date"], error)
        return last, str(error)


def _of_run(lake: Lake, run: dict[str, object]) -> PublishedModel:
    day, run_id = run["run_date"], str(run[RUN_ID])
    assert isinstance(day, date)
    names = algorithms_of(run)
    if not names:
        raise InputError(f"the run of {day} published no model")
    models, hashes = run["models"], run["model_hashes"] or {}
    assert isinstance(models, dict)
    assert isinstance(hashes, dict)
    path = lake.model_path(models[names[0]])
    model = portable_of(sealing.read(lake.spark, path), path, hashes.get(names[0]))
    foreign = set(model.columns).difference(f.name for f in all_features())
    if foreign:
        raise InputError(
            f"its model takes {min(foreign)}, which other tables than events have; fit one without"
            " features.optional_families for a stream"
        )
    return PublishedModel(run_id, day, model, _learned(lake, day, run_id))


def _learned(lake: Lake, day: date, run_id: str) -> Learned:
    path = place(lake.model_path(f"run_date={day}")) / learned.file_name(run_id)
    content = read_bytes(lake.spark, path)
    if content is None:
        raise InputError(f"{path} isn't there: what the run learned of all customers; run again")
    return learned.parsed(content.decode("utf-8", errors="replace"), str(path))
