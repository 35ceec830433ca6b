"""The audit trail: what was done, by whom, and what came of it; written in the transaction of the deed itself."""
