"""The documents agree with the code."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import reference_pages
from checkout import ROOT

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import Config
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS
from custseg_spark.engine.lake.schemas import BY_RUN
from custseg_spark.errors import CustsegError
from custseg_spark.interfaces.cli.main import COMMANDS
from custseg_spark.outputs.exports.frames import REPORTS
from custseg_spark.outputs.exports.frames.changes import SEGMENT_CHANGES
from custseg_spark.outputs.exports.frames.effects import CAMPAIGN_LIFT
from custseg_spark.pipeline.ingest import INGESTED
from custseg_spark.pipeline.segmentation import OUTPUTS

VIEWS = ROOT / "conf" / "views.sql"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
CONFIGURATION, MAPPINGS, CODES = (
    (REFERENCE / f"{name}.md").read_text(encoding="utf-8")
    for name in ("configuration", "mappings", "codes")
)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def sections(of: type, name: str = "") -> Iterator[tuple[str, list[dataclasses.Field[Any]]]]:
    """The sections of a configuration by name, each with its own keys."""
    fields = dataclasses.fields(of)
    groups = [field for field in fields if dataclasses.is_dataclass(field.type)]
    if name:
        yield name, [field for field in fields if field not in groups]
    for field in groups:
        yield from sections(field.type, f"{name}.{field.name}" if name else field.name)


def test_every_configuration_key_is_documented_in_its_section_with_its_default() -> None:
    found = dict(sections(Config))
    assert {"model", "model.preparation"} < found.keys()
    for section, keys in found.items():
        documented = re.split(r"\n##+ ", CONFIGURATION.split(f"# `[{section}]`")[1])[0]
        for key in keys:
            assert f"`{key.name}`" in documented, f"{section}.{key.name}"
            if isinstance(key.default, str):
                assert f'`"{key.default}"`' in documented, f"{section}.{key.name}"


def test_the_documented_mappings_are_valid(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", MAPPINGS, re.DOTALL)
    customers = []
    for example in examples:
        (tmp_path / "shop.toml").write_text(example)
        customers.append(load_mapping("shop", {}, [tmp_path]).columns["customer_id"])
    assert customers == ["visitor", "user_pseudo_id", "Client"]
    for column in EVENT_COLUMNS:
        assert f"`{column}`" in MAPPINGS


def test_every_reason_code_is_documented() -> None:
    kernels = (ROOT / "custseg_spark" / "core").rglob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in kernels)
    documented = set(re.findall(r"^\| `(\w+)` \| ", CODES.split("# Why a record")[1], re.M))
    assert len(documented) == 21
    assert all(f'"{code}"' in source for code in documented)


def test_every_exported_column_is_documented() -> None:
    written = (ROOT / "docs" / "reference" / "exports.md").read_text(encoding="utf-8")
    tables = [r.table for r in REPORTS.values()] + [SEGMENT_CHANGES, CAMPAIGN_LIFT]
    for table in tables:
        section = written.split(f"## `{table.name}`")[1].split("\n## ")[0]
        for column in table.ddl.replace("\n", " ").split(", "):
            assert f"`{column.split()[0]}`" in section, (table.name, column)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = re.findall(r"\]\(([^)#]+)\)", index.read_text(encoding="utf-8"))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page != index}
    assert pages == {target for target in linked if not target.startswith("..")}


def test_every_table_has_its_view() -> None:
    text = VIEWS.read_text()
    of_tables = re.findall(r"VIEW (\w+) USING delta OPTIONS \(path 'lake/(\w+)'\);", text)
    # Of a table by run the published runs.
    published = r"AS\n  SELECT \* FROM (\w+) WHERE run_id IN \(SELECT run_id FROM runs\);"
    by_run = re.findall(r"VIEW (\w+) " + published, text)
    names = {table.name for table in BY_RUN}
    assert {(name, f"all_{name}") for name in names} == set(by_run)
    plain = {t.name for t in (*INGESTED, *OUTPUTS)} - names
    assert set(of_tables) == {(n, n) for n in plain} | {(f"all_{n}", n) for n in names}


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_generated_pages_are_those_that_the_script_writes(name: str) -> None:
    assert reference_pages.PAGES[name]() == (REFERENCE / name).read_text(encoding="utf-8"), (
        "run scripts/reference_pages.py"
    )


@pytest.mark.parametrize("name", reference_pages.SCRIPTS)
def test_generated_scripts_are_those_that_the_script_writes(name: str) -> None:
    assert reference_pages.SCRIPTS[name]() == (ROOT / name).read_text(encoding="utf-8"), (
        "run scripts/reference_pages.py"
    )


def test_every_exit_code_is_documented() -> None:
    documented = set(re.findall(r"^\| (\d) \| ", CODES, re.M))
    used = {error.exit_code for error in every_error(CustsegError)} - {CustsegError.exit_code}
    assert documented == {"0", *map(str, used)}


def every_error(base: type[CustsegError]) -> Iterator[type[CustsegError]]:
    """The error and all that are derived from it."""
    yield base
    for derived in base.__subclasses__():
        yield from every_error(derived)


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 180


def test_every_command_in_the_documents_exists() -> None:
    """`custseg NAME`, `jobs/NAME.py`, `scripts/NAME` and `make TARGET`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for program in re.findall(r"\b((?:jobs|scripts)/[a-z_]+\.(?:py|sh))", text):
            assert (ROOT / program).exists(), (page, program)
        for command in re.findall(r"^(?:\$ )?custseg (\w+) ", text, re.M):
            assert command in COMMANDS, (page, command)
        for target in re.findall(r"^make ([\w-]+)", text, re.M):
            assert re.search(rf"^{target}:", makefile, re.M), (page, target)
