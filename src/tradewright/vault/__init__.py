"""Keyrings: what seals a secret, what opens it, and how it lies at rest.

The *trading* keyring is for exchange keys. Its public half seals and is all that the API process has (`sealing`); its
private half and the key-encryption key open and wrap, and only the worker reads their files (`opening`, `wrapping`).
What a request with a secret is compared by is made with a key of its own, which opens nothing (`digests`).
Every secret is bound to its workspace, connection and row (`binding`): moved to another row it cannot be opened.
"""
