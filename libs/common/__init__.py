"""What every service shares: events, bus, database, settings, logs, web, and the edges to Google, Claude and Redis."""

import libs.common.cancellation  # noqa: F401 - before any client is used

__version__ = "0.1.0"  # of the product; pyproject.toml takes it from here
