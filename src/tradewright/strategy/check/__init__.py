"""Everything that can be said of a spec before it runs. `check_text` is the way in.

`forms` says what a spec looks like, `reading` reads by it, `between_keys` looks at several keys at once, `meaning` at
names and types in expressions, `compiling` makes the program, `proving` and `warnings` tell what is probably not meant,
`facts` what it may cost, `building` makes the strategy, `json_schema` is the forms for other programs.
"""

from tradewright.strategy.check.checking import Checked, check_text, strategy_with_reasons
from tradewright.strategy.check.facts import Facts
from tradewright.strategy.check.reasons import Part

__all__ = ["Checked", "Facts", "Part", "check_text", "strategy_with_reasons"]
