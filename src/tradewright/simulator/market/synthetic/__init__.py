"""The synthetic market: prices made of a seed, of listings that are played, computed or follow others, and options."""
