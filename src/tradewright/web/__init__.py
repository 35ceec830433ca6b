"""The web's edge: application factory, who may do what, the browser stream, errors as problem documents, static files.

Nothing here decides about orders: a route checks who asks, validates the input and hands it to its slice.
"""
