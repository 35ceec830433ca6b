"""What several layers of tests share: a running installation, and a client for it."""
