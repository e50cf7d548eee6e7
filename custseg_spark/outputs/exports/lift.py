"""Measure a campaign's effect: later purchases of treated customers against those held back."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from custseg_spark.config.settings import ExportsConfig
from custseg_spark.core.experiments import sequential
from custseg_spark.core.experiments.effects import Effect, Look, Outcomes, effect
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.permissions import withheld
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.outputs.exports import READ, Request, campaign_of, staged
from custseg_spark.outputs.exports.frames.changes import Campaign
from custseg_spark.outputs.exports.frames.effects import CAMPAIGN_LIFT, Days, outcomes
from custseg_spark.outputs.exports.layout import reported
from custseg_spark.outputs.exports.loading import Target
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.pipeline.dates import day_after_last_event
from custseg_spark.progress import Progress

ONCE, ALWAYS = "once", "always"


@dataclass(frozen=True)
class Period:
    """The days whose purchases count: `begin` None is the run date, `end` (exclusive) None the
    day after the last event.

    `looks`: whether the effect is looked at ONCE, ALWAYS, or daily for a planned number of days.
    """

    begin: date | None = None
    end: date | None = None
    looks: str | int = ONCE


@dataclass(frozen=True)
class SegmentEffect:
    """The effect on a segment's change, or on everybody."""

    segment_id: int
    segment: str
    change: str
    of: Effect

    @property
    def key(self) -> tuple[int, str, str]:
        """The customers of the effect."""
        return self.segment_id, self.segment, self.change


@dataclass(frozen=True)
class Lift:
    """The effects of a campaign, everybody's first, by purchases of some `days`.

    `before` is the number of earlier days that adjust the effects.
    """

    campaign: Campaign
    days: Days
    before: Days
    look: Look
    looks: str | int
    effects: tuple[SegmentEffect, ...]


def measure(lake: Lake, request: Request, period: Period, rules: ExportsConfig) -> Lift:
    """Measure the effect of the campaign that `request` exported; its groups are computed again.

    Raises InputError if the lake lacks a run or has no event after the run date, ConfigurationError
    for a look beyond the planned days.
    """
    lake = lake.at_one_moment(READ)
    day = run_date_of(lake, request.run_date)
    changed, campaign = campaign_of(lake, request, day)
    days = _days(lake, period, day)
    before = Days(day - timedelta(days=rules.pre_period_days), day)
    look = _look(period, len(days), rules)
    sums = outcomes(changed, lake.read(EVENTS), days, before).collect()
    effects = [
        SegmentEffect(
            row.segment_id,
            row.segment,
            row.change,
            effect(_outcomes(row.asDict(), "treated"), _outcomes(row.asDict(), "control"), look),
        )
        for row in sums
    ]
    if not effects:
        raise InputError(f"nobody's segment changed from {campaign.since} to {day}")
    in_order = tuple(sorted(effects, key=lambda e: e.key))
    return Lift(campaign, days, before, look, period.looks, in_order)


def write(lake: Lake, lift: Lift, target: Target, progress: Progress) -> None:
    """Write the effects as the table `campaign_lift` of a target."""
    with (
        withheld(lake.config.umask),
        target.opened() as loading,
        progress.stage(CAMPAIGN_LIFT.name) as stage,
    ):
        rows = [_row(lift, effect) for effect in lift.effects]
        frame = lake.spark.createDataFrame(rows, CAMPAIGN_LIFT.schema)
        stage.rows = staged(loading, CAMPAIGN_LIFT, reported(frame, CAMPAIGN_LIFT))
        loading.publish()


def _days(lake: Lake, period: Period, run_date: date) -> Days:
    begin, end = period.begin or run_date, period.end
    if begin < run_date:
        raise ConfigurationError(
            f"purchases from {begin}: expected {run_date} or later, as the run date's segments"
            " know what was bought before"
        )
    if end is None:
        end = day_after_last_event(lake) or begin
    if end <= begin:
        raise InputError(f"no day from {begin} to before {end}; ingest the log of that time first")
    return Days(begin, end)


def _look(period: Period, day: int, rules: ExportsConfig) -> Look:
    """Return the confidence of one look with which all looks together have the requested one."""
    if period.looks == ONCE:
        return Look(rules.confidence, rules.confidence, rules.power)
    if period.looks == ALWAYS:
        of_look = sequential.always_valid_confidence(day, rules.confidence)
        return Look(rules.confidence, of_look, rules.power)
    planned = int(period.looks)
    if day > planned:
        raise ConfigurationError(
            f"day {day} of a campaign that was to be looked at for {planned} days: give --until"
            f" at most {planned} days later, or look always (--every-day)"
        )
    of_look = sequential.planned_confidence(day, planned, rules.confidence)
    return Look(rules.confidence, of_look, rules.power)


def _outcomes(row: dict[str, int | Decimal], group: str) -> Outcomes:
    prefix = f"{group}_"
    return Outcomes.of({k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix)})


def _row(lift: Lift, effect: SegmentEffect) -> tuple[object, ...]:
    of, look = effect.of, lift.look
    treated, control, rate, spend = of.treated, of.control, of.rate, of.spend
    rate_adjusted, spend_adjusted = of.rate_adjusted.effect, of.spend_adjusted.effect
    return (
        *effect.key,
        *(treated.customers, control.customers, treated.buyers, control.buyers),
        *(treated.rate, control.rate, rate.difference, rate.low, rate.high),
        *map(_money, (treated.mean, control.mean, spend.difference, spend.low, spend.high)),
        *(look.confidence, lift.campaign.label, lift.days.begin, lift.days.end),
        *(rate_adjusted.difference, rate_adjusted.low, rate_adjusted.high),
        of.rate_adjusted.variance_left,
        *map(_money, (spend_adjusted.difference, spend_adjusted.low, spend_adjusted.high)),
        of.spend_adjusted.variance_left,
        of.rate_detectable,
        _money(of.spend_detectable),
        *(look.of_one, str(lift.looks)),
    )


def _money(amount: float | None) -> Decimal | None:
    return None if amount is None else round(Decimal(amount), 4)
