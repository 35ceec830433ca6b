"""Strategy Spec: a strategy as data, from its file to what is known at each bar's close.

Rooms, in the order in which a spec passes through them: `document` (the file with its places), `expression` (the small
language), `check` (what is wrong, and the facts), `model` (what a checked spec says), `program` (its expressions as a
list of steps), `functions` (what each indicator is), `evaluate` (running a program bar by bar or over whole arrays),
`words` (the spec in plain words, and what changed between two).
No I/O but what a caller hands in, no clock, no chance.
"""
