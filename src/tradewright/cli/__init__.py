"""The command line: one command a module. A module declares its options and hands them to what `app` gives it."""
