"""Print the effect of a campaign."""

from custseg_spark.core.experiments.intervals import Interval
from custseg_spark.interfaces.cli.summary import number
from custseg_spark.outputs.exports.lift import ALWAYS, ONCE, Lift


def of_lift(lift: Lift) -> str:
    """Return the effects of a campaign as a table."""
    campaign = lift.campaign
    lines = [
        f"Campaign {campaign.label}: who changed segment from {campaign.since} to"
        f" {campaign.run_date}, {campaign.control_share:.1%} held back; purchases from"
        f" {lift.days.begin} to before {lift.days.end}",
        f"treated less control, {lift.look.confidence:.0%} confidence",
        f"  {'segment':<26}{'change':<9}{'treated':>9}{'control':>9}"
        f"  {'buyers':<31}{'spend a customer'}",
    ]
    for effect in lift.effects:
        of, named = effect.of, f"{effect.segment:<26}{effect.change:<9}"
        lines.append(
            f"  {named}{of.treated.customers:>9,}{of.control.customers:>9,}"
            f"  {_interval(of.rate, '+.2%'):<31}{_interval(of.spend, '+,.2f')}"
        )
        adjusted = _interval(of.rate_adjusted.effect, "+.2%")
        lines.append(
            f"  {'':<53}  {adjusted:<31}{_interval(of.spend_adjusted.effect, '+,.2f')} adjusted"
        )
    return "\n".join([*lines, *_of_looks(lift)])


def _of_looks(lift: Lift) -> list[str]:
    """Explain the adjusted lines, the number of looks, and the smallest detectable effects."""
    days = (lift.days.end - lift.days.begin).days
    lines = [
        f"adjusted by the purchases from {lift.before.begin} to before {lift.before.end} (CUPED)"
    ]
    if lift.looks == ALWAYS:
        lines.append("these intervals hold at all looks together, whenever you look and stop")
    elif lift.looks == ONCE:
        lines.append(
            "these intervals hold for one look, on a day fixed beforehand; --every-day or"
            " --planned-days make them for daily looks"
        )
    else:
        lines.append(
            f"these intervals hold at all looks of {lift.looks} days together; this is day {days}"
        )
    [everybody, *_] = [effect.of for effect in lift.effects]
    shown = [
        f"{number(everybody.rate_detectable, '+.2%')} buyers",
        f"{number(everybody.spend_detectable, '+,.2f')} spend a customer",
    ]
    lines.append(
        f"of everybody, groups of this size show {' and '.join(shown)} with a power of"
        f" {lift.look.power:.0%}"
    )
    return lines


def _interval(interval: Interval, form: str) -> str:
    low, high = number(interval.low, form), number(interval.high, form)
    return f"{number(interval.difference, form)} ({low} to {high})"
