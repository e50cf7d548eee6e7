"""docs/guides/deployment.md: the sizing follows from the figures, the commands exist."""

import functools
import math
import re
import shlex

import emr_submit
import yaml
from checkout import ROOT

from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.interfaces.cli import export_arguments as cli_exports

TEXT = (ROOT / "docs" / "guides" / "deployment.md").read_text(encoding="utf-8")
# The commands of the code blocks, continued lines joined.
COMMANDS = [
    line.strip().removeprefix("$ ")
    for language, block in re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
    if not language
    for line in re.sub(r"\\\n\s*", "", block).splitlines()
]
PARSERS = {
    "segment": cli.parse,
    "ingest": functools.partial(cli.parse, segments=False),
    "gate": cli.parse_gate,
    "export": cli_exports.parse_export,
}


def cells(heading: str) -> list[list[str]]:
    """The rows of the table under a heading line."""
    body = TEXT.split(heading)[1].split("\n\n")[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in body.splitlines()[2:]]


def test_the_sizing_follows_from_the_measured_figures() -> None:
    said = {name: float(value.replace(",", "")) for name, value in cells("| figure | of the run |")}
    events, customers, cores, csv, by_event, by_customer, *seconds = said.values()
    load, features, others, _ = seconds
    rates = [load * cores / events, features * cores / events, others * cores / customers]
    for rate, shown in zip(rates, ("20.9", "7.8", "44.9"), strict=True):
        assert f"{rate * 1e6:.1f}" == shown, "the text below the figures"
    for size, shown in ((csv / events, "129.5"), (by_event / events, "111.8")):
        assert f"{size:.1f}" == shown
    for row in cells("| events | customers | CSV |"):
        n, m = (float(c.removesuffix(" million").replace(",", "")) * 1e6 for c in row[:2])
        first = n * (rates[0] + rates[1]) + m * rates[2]
        later = n / 60 * rates[0] + n * rates[1] + m * rates[2]
        stored = n * by_event / events + m * by_customer / customers
        hours = [int(row[i].split(" for ")[1].removesuffix(" h")) for i in (5, 7)]
        assert row[2:] == [
            f"{n * csv / events / 1e9:,.1f} GB",
            f"{stored / 1e9:,.1f} GB",
            f"{first / 3600:,.1f} core-hours",
            f"{math.ceil(first / (hours[0] * 3600 * 16 * 0.6))} for {hours[0]} h",
            f"{later / 3600:,.1f} core-hours",
            f"{math.ceil(later / (hours[1] * 3600 * 16 * 0.6))} for {hours[1]} h",
        ]


def test_the_jobs_take_the_options_that_it_shows() -> None:
    taken = 0
    for command in COMMANDS:
        job = re.search(r"(?:jobs/(\w+)\.py|custseg-spark (segment)) (.*)", command)
        if job and "emr_submit" not in command:
            PARSERS[job[1] or job[2]]("", shlex.split(job[3]))
            taken += 1
    assert taken == 7


def test_emrs_submitter_takes_the_options_that_it_shows() -> None:
    lines = [c.split("emr_submit.py ")[1] for c in COMMANDS if "emr_submit.py " in c]
    options = [emr_submit.options_of(shlex.split(line)) for line in lines]
    assert [bool(o.application) for o in options] == [True, False]
    for given in options:
        PARSERS[given.job]("", given.arguments)


def test_the_guide_names_the_bundles_and_the_dags_variables() -> None:
    bundle = yaml.safe_load((ROOT / "databricks.yml").read_text())
    (values,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    needed = {name for name, v in bundle["variables"].items() if "default" not in v}
    assert set(yaml.safe_load(values)) == needed
    dag = (ROOT / "conf" / "deploy" / "airflow" / "custseg_dag.py").read_text()
    for name in re.findall(r"airflow variables set custseg_(\w+)", TEXT):
        assert f'    "{name}": ' in dag
