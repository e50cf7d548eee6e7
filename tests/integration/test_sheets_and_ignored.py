"""Two sheets of a workbook, some of whose records are ignored, by each way of IO."""

from pathlib import Path

import pytest
import xlsxwriter
from ledger import COLUMNS, Ledger, Read, RunJob, events, ledger, record, skipped

TITLE = ["Export of October"]


def _workbook(path: Path) -> Path:
    def rows(session: str) -> list[list[str]]:
        kinds = ("view", "purchase", "remove_from_cart", "Scroll", "wink")
        good = [record(event_type=k, user_session=session, product_id=f"{n}.0")
                for n, k in enumerate(kinds)]  # fmt: skip
        return [list(r.values()) for r in (*good, good[0])]

    with xlsxwriter.Workbook(path) as book:
        for name in ("first", "second"):
            sheet = book.add_worksheet(name)
            for number, row in enumerate([TITLE, [], list(COLUMNS), *rows(name)]):
                sheet.write_row(number, 0, row)
        book.add_worksheet("notes").write_row(0, 0, ["by hand"])
    return path


@pytest.mark.parametrize("io", ["native", "spark"])
def test_each_sheet_and_each_ignored_record_is_in_the_ledger(
    run_job: RunJob,
    read: Read,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    io: str,
) -> None:
    path = _workbook(tmp_path / "log.xlsx")
    settings = (
        *("lake.io=" + io, "ingest.max_rejected_share=0.5"),
        'sources.ecommerce_events.ignored_event_types=["remove_from_cart", "scroll"]',
        'sources.ecommerce_events.sheets=["all"]',
    )
    sets = [part for setting in settings for part in ("--set", setting)]

    run_job("ingest", "--source", f"ecommerce_events={path}", *sets)

    said = capsys.readouterr().out
    assert "Ingested 2 files: 12 records = 4 accepted + 2 rejected + 4 ignored + 2 duplic" in said
    entry = Ledger(9, 2, 1, 2, 1, 1, 2)
    assert ledger(read) == {"log.xlsx#first": entry, "log.xlsx#second": entry}
    assert skipped(read) == {"log.xlsx#notes": "another sheet: it has no column 'event_time'"}
    assert {row.product_id for row in events(read).values()} == {"0", "1"}

    run_job("ingest", "--source", f"ecommerce_events={path}", *sets)
    assert "1 file already in the ledger: nothing to add" in capsys.readouterr().out
