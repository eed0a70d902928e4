"""What prep decides and words, apart from all I/O: who is briefed, which points are made, how the email reads."""
