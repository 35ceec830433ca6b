"""What the papers say of the tree is so: settings are the settings, decisions are numbered, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from tradewright.settings import Settings

ROOT = Path(__file__).parents[3]


def test_the_readme_lists_settings_that_exist() -> None:
    known = {
        str(field.validation_alias or f"TRADEWRIGHT_{name.upper()}") for name, field in Settings.model_fields.items()
    }
    named = set(re.findall(r"`(TRADEWRIGHT_[A-Z_]+)`", (ROOT / "README.md").read_text()))
    assert named <= known, named - known


def test_every_decision_has_its_own_number_and_says_what_it_does_not_protect() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    # A number may be left out for a while: it is given before its record is written.
    assert len(set(numbers)) == len(numbers)
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {record.name[:4]}: "), record.name
        for part in ("Context", "Choice", "Refused", "Not protected"):
            assert part in text, f"{record.name} lacks {part}"


def test_links_between_papers_lead_somewhere() -> None:
    for paper in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", paper.read_text()):
            assert (paper.parent / target).exists(), f"{paper.name} links to {target}"
