"""How things look on the wire: rows that REST and streams share. Values in, JSON objects out."""
