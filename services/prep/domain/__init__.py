"""What prep decides and words, apart from all I/O: who is briefed, what is said, how it is written."""
