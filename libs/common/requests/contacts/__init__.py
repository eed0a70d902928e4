"""The requests that `contacts` serves, a module per area."""
