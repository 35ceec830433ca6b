"""What each function of the language is: `table` says how it is called, the modules beside it what it computes."""
