"""People v1: the contacts of an account, `people.connections.list` with sync tokens."""
