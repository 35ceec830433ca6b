"""Acceptance of a real account: numbered steps against an exchange, a report of what it did, recordings of its words.

Everything goes through a relay of our own on the loopback (`relay`), which records and can lose a reply, so that the
gateway and the streams that trading uses are what is tried. The steps are in `steps_*`, in the order of `steps`.
Not here: opening the connection's key and the account's rest meanwhile (`app.acceptance`).
"""
