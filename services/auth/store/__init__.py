"""The SQL of `auth`, by subject. Functions take a connection; transactions are the handlers'."""
