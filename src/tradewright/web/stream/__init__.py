"""The browser stream: one WebSocket for each tab, topics with their own sequence, snapshot then delta, resume.

Market data is conflated for a slow reader; an account's events never are: who cannot keep up with those is cut off and
resumes. What is told of an account is read from its journal in the database, never taken from a notification.
"""
