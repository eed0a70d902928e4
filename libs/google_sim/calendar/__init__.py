"""Calendar v3: the calendars of an account and what changed in them."""
