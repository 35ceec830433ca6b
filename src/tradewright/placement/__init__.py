"""Placement: which process owns the accounts. On one machine one worker owns them all, by one advisory lock."""
