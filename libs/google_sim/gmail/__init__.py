"""Gmail v1, as far as reading mail and sending it goes."""
