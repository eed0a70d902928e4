"""Every entry point of sync: events, requests, schedules, and what its background loops do. One file per subject."""
