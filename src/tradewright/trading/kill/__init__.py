"""The kill switch: latches, what an account's owner does about one, and how it goes on while the database is away."""
