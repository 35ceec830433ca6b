"""The small language of a spec, text into a tree: `tree` is what it gives, `tokens` words, `parsing` the grammar."""
