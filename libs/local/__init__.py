"""The laptop: embedded PostgreSQL, NATS and Valkey, the supervisor of the services, and the `pingcrm` command."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `services/`, `libs/` and `deploy/`."""
