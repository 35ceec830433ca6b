"""Trading: an account's session takes intents to the exchange and its reports back into our tables.

`tables` and `store` keep, `commands` and `queries` are the API's side, `session` is the owner's side in the
worker, `journal` is the port between a session and its storage, `views` gives every row the one shape outside.
"""
