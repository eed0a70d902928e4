"""Several people in one installation, and what happens when one of them sends the ids of another."""
