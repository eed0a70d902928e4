"""The SQL of auth, one file per subject. Functions take a connection; transactions are the callers'."""
