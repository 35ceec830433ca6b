"""The hand on the exchange: its own endpoints for motion, faults and the truth log."""
