"""The SQL of prep, one file per subject. Functions take a connection; transactions are the callers'."""
