"""`customer_features` and `clv_models` of a run date, from the lake's sessions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import features
from custseg_spark.config.settings import Config
from custseg_spark.core.segments import naming
from custseg_spark.engine.lake.tables import Lake
from custseg_spark.errors import InputError
from custseg_spark.features import clv as lifetime_value
from custseg_spark.features import price, rfm
from custseg_spark.features.demographics import DEMOGRAPHICS
from custseg_spark.features.keys import Levels
from custseg_spark.features.table import CUSTOMER_FEATURES
from custseg_spark.models import clv
from custseg_spark.models.clv import ClvModel
from custseg_spark.pipeline.trial import limited
from custseg_spark.progress import Progress
from custseg_spark.schemas import CLV_MODELS, CUSTOMERS, EVENTS, RUNS, SESSIONS


def with_demographics(lake: Lake, config: Config) -> Config:
    """The configuration, with the family "demographics" where the lake has customer profiles."""
    optional = config.features.optional_families
    if DEMOGRAPHICS in optional or lake.read_or_empty(CUSTOMERS).isEmpty():
        return config
    return replace(
        config, features=replace(config.features, optional_families=(*optional, DEMOGRAPHICS))
    )


def write_features(lake: Lake, config: Config, run_date: date, progress: Progress) -> int:
    """Writes the run date's features and CLV models; returns the number of customers.

    Raises InputError where nobody has an event before the run date.
    """
    sessions = limited(lake.read(SESSIONS), config.run, run_date)
    model = _lifetime_values(sessions, config, run_date, progress)
    with progress.stage("customer features") as stage:
        if sessions.where(F.col("session_date") < F.lit(run_date)).isEmpty():
            raise InputError(f"no event before run date {run_date}; there is nobody to segment")
        events = lake.read(EVENTS)
        unscored = features.customer_features(
            sessions,
            as_of=run_date,
            # A shop's categories fit into memory.
            levels=Levels.of(price.category_levels(events, run_date).toArrow()),
            events=events,
            profiles=lake.read_or_empty(CUSTOMERS),
            optional=config.features.optional_families,
        )
        if model is not None:
            history = lifetime_value.purchase_history(sessions, as_of=run_date)
            values = lifetime_value.clv_columns(history, model.fitted)
            unscored = unscored.join(values, "customer_id", how="left")
        scored = naming.with_rfm_group(
            rfm.with_scores(unscored, _score_cutoffs(sessions, run_date))
        )
        absent = [n for n in CUSTOMER_FEATURES.schema.names if n not in scored.columns]
        complete = scored.withColumns({name: F.lit(None) for name in absent})
        # A run that is made again is none until its last table is written.
        lake.remove_date(RUNS, run_date)
        lake.replace_dates(complete, CUSTOMER_FEATURES, [run_date])
        stage.rows = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == run_date).count()
        rows = [model.row(run_date)] if model else []
        frame = lake.spark.createDataFrame(rows, CLV_MODELS.schema).coalesce(1)
        lake.replace_dates(frame, CLV_MODELS, [run_date])
        return stage.rows


def _score_cutoffs(sessions: DataFrame, run_date: date) -> dict[str, Sequence[Decimal]]:
    """The cutoffs of the RFM scores, from the few sessions that make a buyer's three values."""
    bought = sessions.where((F.col("purchase_count") > 0) | (F.col("return_count") > 0))
    buyers = features.customer_features(bought, as_of=run_date)
    return {row.score: row.cutoffs for row in rfm.score_cutoffs(buyers).collect()}


def _lifetime_values(
    sessions: DataFrame, config: Config, run_date: date, progress: Progress
) -> ClvModel | None:
    if not config.clv.enabled:
        return None
    with progress.stage("customer lifetime value") as stage:
        model = clv.fit(sessions, run_date, config.clv)
        stage.rows, stage.note = model.buyers, model.why
        return model
