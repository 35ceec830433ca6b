"""Every code that a check can tell, and when it does: what people and programs may rely on.

Lives here: the list, from which the reference is written. Not here: the sentence of a single fault, which names the
thing, the value and what is allowed (where it is found).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FILE_CODES: Mapping[str, str] = MappingProxyType(
    {
        "too_large": "the file has more than 64 KiB, or more than 4,000 keys and values",
        "not_utf8": "the file is not UTF-8",
        "syntax": "neither YAML nor JSON, a control character, or NaN and Infinity in JSON",
        "not_a_mapping": "the file is not a mapping of keys to values",
        "duplicate_key": "a key stands twice in one mapping",
        "yaml_feature": "an anchor, alias, merge key, tag or directive",
        "second_document": "a second document in the file",
        "too_deep": "more than 20 levels of nesting; in an expression more than 64",
    }
)
KEY_CODES: Mapping[str, str] = MappingProxyType(
    {
        "unknown_key": "no such key here",
        "missing_key": "a required key is not there",
        "null_value": "a key without a value",
        "wrong_type": "a value of another kind: text, number, boolean, list or mapping",
        "out_of_range": "a number outside its bounds, also by another key or by a param's range",
        "not_whole": "a number that has to be whole and is not, or a param that is not whole all over its range",
        "bad_choice": "none of the words, or of the versions, that may stand here; a day given twice",
        "bad_text": "a text of the wrong length or form",
        "too_many": "more params or series than allowed, or ranges with too many values to look at",
        "exactly_one": "none or several of keys of which exactly one is given",
        "at_least_one": "none of keys or days of which at least one is given",
        "bad_name": "not spelt as a name",
        "name_taken": "a name that the language or another param or series has",
        "unknown_param": "no such param, in a number's place or to set",
        "not_on_spot": "a short or leverage on spot",
        "needs_stop_loss": "a size by risk, or `rr`, without `stop_loss`",
        "limit_only": "a key of limit entries with a market entry",
        "safety_beyond_stop": "the last safety order lies beyond the stop",
    }
)
EXPRESSION_CODES: Mapping[str, str] = MappingProxyType(
    {
        "expr_syntax": "not an expression",
        "expr_too_long": "more than 4,000 characters",
        "chained_comparison": "two comparisons in a row",
        "unknown_name": "no such field, param or series",
        "unknown_function": "no such function",
        "wrong_arguments": "too many or too few arguments",
        "type_mismatch": "a number where a condition has to stand, or the other way round",
        "not_constant": "a length, multiplier or number of bars that is not made of numbers and params",
        "bad_length": "a length, multiplier or number of bars that may come out as what it must not be",
        "position_not_allowed": "`position.…` where it is not known",
        "tf_not_allowed": "`tf=` of a function that has no bars of its own",
        "tf_not_multiple": "a timeframe whose bars cannot be built from those around it",
        "cycle": "series that need each other in a circle",
        "lookback_too_long": "more than 5,000 bars back, nesting and series included",
        "too_many_nodes": "more than 2,000 numbers, names, operators and calls in the spec",
    }
)
WARNING_CODES: Mapping[str, str] = MappingProxyType(
    {
        "unused_param": "nothing uses the param",
        "exit_without_enter": "an exit rule for a side that is never entered",
        "no_exit": "an entry that nothing can ever exit",
        "unprotected": "no stop until the trailing stop is active",
        "never_true": "a rule that can be proved never to be true",
        "history_dependent": "a function whose value depends on where history begins",
    }
)
ERROR_CODES: Mapping[str, str] = MappingProxyType({**FILE_CODES, **KEY_CODES, **EXPRESSION_CODES})
