"""The shapes of the HTTP contract: what `/openapi.json` is made of and what the page's types are generated from.

Inputs are validated by these models. Answers are built by the slices as plain dictionaries in exactly these shapes and
sent without a second validation; the tests hold every answer against its model.
"""
