"""The SQL of sync, by subject. Functions take a connection; who calls them owns the transaction."""
