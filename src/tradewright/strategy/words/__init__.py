"""A checked spec in words for people, and what changed between two: `explain` and `differences` are the ways in.

`clauses` says everything that a spec says, one clause for each thing that can change; the explanation is its sentences,
the difference of two specs is those clauses that are not the same. `phrases` are the words of an expression, `english`
and `russian` the two tables of words, `language` their shape, `sameness` says when two expressions mean the same.
Not here: whether a spec is right (`check`).
"""

from tradewright.strategy.words.differences import Change, differences
from tradewright.strategy.words.explaining import Explanation, explain
from tradewright.strategy.words.languages import LANGUAGES

__all__ = ["LANGUAGES", "Change", "Explanation", "differences", "explain"]
