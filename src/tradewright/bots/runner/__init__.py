"""The runner: runs of bots inside the worker that owns their account, as long as its session.

`keeper` is the session's companion, `run` the loop of one run, `store` what it writes, `takeover` how a run goes on
after another process, `history` the bars, `asking` what is asked of the exchange. Nothing here says who may do what.
"""
