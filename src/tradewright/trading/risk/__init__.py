"""Risk at the owner of an account: what it is exposed to, by which limits and prices it is judged, and when.

Lives here: the exposure in memory, the rule that judges an intent, prices with their age, limits and days as stored.
Not here: the limits and the verdict themselves (`core.risk`), sending (`trading.session`).
"""
