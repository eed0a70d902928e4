"""What every service shares: events, bus, database, settings, logs, web, and the edges to Google, Claude and Redis."""

VERSION = "0.1.0"  # of the product, as pyproject.toml has it
