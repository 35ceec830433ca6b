"""Child processes and what the system knows of processes. Standard library only: the supervisor stands on it."""
