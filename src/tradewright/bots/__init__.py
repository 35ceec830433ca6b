"""Bots: strategies that are kept, bots made of them, and their runs, from the queue to the report.

`model` says what there is, `tables` how it is kept. Who writes what: commands of the API write bots, versions, a run's
birth and its wishes; admission is one statement; everything else of a run is written by the owner of its account.
"""
