"""Who is who: users, passwords, sessions, one-time links, workspaces and the roles in them.

Nothing here knows HTTP (that is `web`) or what an account trades (that is `trading`).
"""
