"""Everything that knows how rows are kept: the embedded server, the engine, migrations, the bus.

Not here: the tables and SQL of a slice, which live in its own `tables.py` and `store.py`. Importing this package
imports nothing heavy, because the supervisor takes `storage.embedded` from it.
"""
