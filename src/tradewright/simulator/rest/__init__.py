"""REST: HTTP, the rules every call passes, and one module per group of endpoints."""
