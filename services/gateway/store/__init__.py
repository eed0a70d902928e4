"""The gateway's SQL: notifications, the webhook calls that are still to be made, accounts, and who is gone."""

from typing import TypeAlias

from libs.common.db import Connection, Pool

Database: TypeAlias = "Connection | Pool"
"""A connection where several statements belong together; the pool, which lends one, where a single one does."""
