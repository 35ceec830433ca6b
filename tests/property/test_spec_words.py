"""Whatever single thing is changed in a spec changes its words and is told as a difference, in both languages.

Of specs that use all keys every single edit is tried; of specs drawn by chance, whose rules are of all functions, some
of each: `make words SPECS=20000` is the size that counts.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from random import Random

import pytest
import yaml

from support.drawn_specs import draw_spec
from support.spec_edits import edits, explained, judge, leaf_of, places, put
from support.specs import DCA, GRID
from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.words import LANGUAGES, differences

EDITED = {"grid": GRID, "dca": DCA}
SPECS = int(os.environ.get("SPECS", "80"))
FIRST = int(os.environ.get("FIRST", "0"))
_CHUNKS = 4
_EDITS = 6  # of each spec that was drawn
_HOLE = re.compile(r"\{[a-z_]*(:[a-z/]+)?\}")


@pytest.mark.parametrize("name", EDITED)
def test_every_single_edit_of_a_spec_changes_its_words_and_is_told(name: str) -> None:
    spec = yaml.safe_load(EDITED[name])
    old = check_text(EDITED[name])
    assert old.errors == []
    before, seen = explained(old), {}
    judged: dict[tuple[str, ...], int] = {}
    for place in places(spec):
        judged[place] = sum(judge(old, before, put(spec, place, value), seen) for value in edits(leaf_of(spec, place)))
    # What has no other value that is right: the version, and kinds without the keys of another kind.
    untold = {"/".join(place) for place, count in judged.items() if not count}
    assert untold <= {"version", "kind", "name", "description", "market/symbol", "market/category", "entry/type"}
    assert sum(judged.values()) >= len(judged)


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_edits_of_specs_drawn_by_chance_change_their_words_and_no_two_specs_are_told_alike(chunk: int) -> None:
    seen: dict[tuple[str, ...], Checked] = {}
    told: Counter[str] = Counter()
    for seed in range(FIRST + chunk, FIRST + SPECS, _CHUNKS):
        rng = Random(f"words {seed}")
        spec = draw_spec(rng)
        old = check_text(json.dumps(spec))
        told["drawn"] += 1
        if old.form is None:
            continue
        before = explained(old)
        assert not any(_HOLE.search(text) for text in before), before
        twin = seen.setdefault(before, old)
        for language in LANGUAGES.values():
            assert differences(old, old, language) == []
            assert differences(twin, old, language) == [], f"seed {seed}: another spec has these words"
        told["specs"] += 1
        leaves = [(place, value) for place in places(spec) for value in edits(leaf_of(spec, place))]
        for place, value in rng.sample(leaves, min(_EDITS, len(leaves))):
            told["edits"] += judge(old, before, put(spec, place, value), seen)
    print(f"words: {dict(told)}")
    assert told["specs"] > 0.5 * told["drawn"], "most that are drawn are right specs"
    assert told["edits"] > told["specs"]
