"""What an account is: its events, and what they add up to.

Lives here: orders, positions, coins, margin, the durable log, the keys. Pure values and folds; nothing here decides
what happens next.
"""
