"""Values and rules. No I/O, no clock, no chance: everything is a value in, a value out; nothing of ours is imported."""
