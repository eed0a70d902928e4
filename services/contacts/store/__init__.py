"""The SQL. Functions take a connection and return frozen values; who calls them decides about transactions."""
