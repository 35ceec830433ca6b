"""The pages of docs/reference, a module each; `reference_tables.py` writes them."""
