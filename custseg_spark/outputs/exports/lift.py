"""What a campaign did: later purchases of the treated against those of who was held back."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from pyspark.sql import Row
from pyspark.sql import functions as F

from custseg_spark.core.experiments.intervals import (
    Group,
    Interval,
    rate_difference,
    spend_difference,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.permissions import withheld
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.outputs.exports import READ, Request, campaign_of
from custseg_spark.outputs.exports.batches import batches
from custseg_spark.outputs.exports.frames.changes import Campaign
from custseg_spark.outputs.exports.frames.effects import CAMPAIGN_LIFT, outcomes
from custseg_spark.outputs.exports.layout import reported
from custseg_spark.outputs.exports.loading import Target
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.progress import Progress

_OF_A_GROUP = ("customers", "buyers", "spend", "squares")


@dataclass(frozen=True)
class Period:
    """The days whose purchases count: `begin` None is the run date, `end` (exclusive) None the
    day after the last event."""

    begin: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Effect:
    """A segment's change (or everybody's) with its two groups and their differences."""

    segment_id: int
    segment: str
    change: str
    treated: Group
    control: Group
    rate: Interval
    spend: Interval

    @property
    def key(self) -> tuple[int, str, str]:
        """Which customers it is of."""
        return self.segment_id, self.segment, self.change


@dataclass(frozen=True)
class Lift:
    """The effects of a campaign, everybody's first, by purchases from `begin` to before `end`."""

    campaign: Campaign
    begin: date
    end: date
    confidence: float
    effects: tuple[Effect, ...]


def measure(lake: Lake, request: Request, period: Period, confidence: float) -> Lift:
    """The effect of the campaign that `request` exported, whose groups are made again.

    Raises InputError where the lake lacks a run or has no event after the run date.
    """
    lake = lake.at_one_moment(READ)
    day = run_date_of(lake, request.run_date)
    changed, campaign = campaign_of(lake, request, day)
    begin, end = _days(lake, period, day)
    found = outcomes(changed, lake.read(EVENTS), begin, end).collect()
    effects = [_effect(row, confidence) for row in found]
    if not effects:
        raise InputError(f"nobody's segment changed from {campaign.since} to {day}")
    return Lift(campaign, begin, end, confidence, tuple(sorted(effects, key=lambda e: e.key)))


def write(lake: Lake, lift: Lift, target: Target, progress: Progress) -> None:
    """The effects as the table `campaign_lift` of a target."""
    with (
        withheld(lake.config.umask),
        target.opened() as loading,
        progress.stage(CAMPAIGN_LIFT.name) as stage,
    ):
        rows = [_row(lift, effect) for effect in lift.effects]
        frame = lake.spark.createDataFrame(rows, CAMPAIGN_LIFT.schema)
        stage.rows = loading.stage(CAMPAIGN_LIFT, batches(reported(frame, CAMPAIGN_LIFT)))
        loading.publish()


def _days(lake: Lake, period: Period, run_date: date) -> tuple[date, date]:
    begin, end = period.begin or run_date, period.end
    if begin < run_date:
        raise ConfigurationError(
            f"purchases from {begin}: expected {run_date} or later, as the run date's segments"
            " know what was bought before"
        )
    if end is None:
        last: date | None = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
        end = last + timedelta(days=1) if last else begin
    if end <= begin:
        raise InputError(f"no day from {begin} to before {end}; ingest the log of that time first")
    return begin, end


def _effect(row: Row, confidence: float) -> Effect:
    treated, control = _group(row, "treated"), _group(row, "control")
    return Effect(
        row.segment_id,
        row.segment,
        row.change,
        treated,
        control,
        rate_difference(treated, control, confidence),
        spend_difference(treated, control, confidence),
    )


def _group(row: Row, name: str) -> Group:
    customers, buyers, spend, squares = (row[f"{name}_{of}"] for of in _OF_A_GROUP)
    return Group(customers, buyers, Fraction(spend), Fraction(squares))


def _row(lift: Lift, effect: Effect) -> tuple[object, ...]:
    treated, control, rate, spend = effect.treated, effect.control, effect.rate, effect.spend
    return (
        *effect.key,
        *(treated.customers, control.customers, treated.buyers, control.buyers),
        *(treated.rate, control.rate, rate.difference, rate.low, rate.high),
        *map(_money, (treated.mean, control.mean, spend.difference, spend.low, spend.high)),
        *(lift.confidence, lift.campaign.label, lift.begin, lift.end),
    )


def _money(amount: float | None) -> Decimal | None:
    return None if amount is None else round(Decimal(amount), 4)
