"""The SQL. Functions take a connection; who calls them decides about transactions."""
