"""Requests to addresses that people gave us: webhooks, endpoints of models. Whatever they wrote, nothing inside of this
machine or its network is reached by it, unless the operator has named it.

`addresses` judges, `urls` reads what was given, `client` asks. Not here: the exchange's own hosts (`exchange.bybit`).
"""
