"""Real money: which live accounts may open anything, until when, and why no longer.

An owner of the workspace arms an account; its owner process asks `gate` before each send; `keeper` notices what ends an
arming. Nothing here is asked about an account of another environment.
"""
