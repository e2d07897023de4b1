"""docs/options.md says what the table of options says."""

from __future__ import annotations

from pathlib import Path

from yolotiny.cli.options_page import page
from yolotiny.config.option_table import OPTIONS

FILE = Path(__file__).parents[2] / "docs" / "options.md"


def test_the_page_is_what_the_table_says_today():
    assert FILE.read_text("utf-8") == page(), "run: python -m yolotiny.cli.options_page > docs/options.md"


def test_every_option_has_a_row_with_all_its_cells():
    rows = {row.split("`")[1]: row for row in page().splitlines() if row.startswith("| `")}
    assert set(OPTIONS) <= set(rows)
    assert all(row.count("|") in (3, 5) for row in rows.values())
