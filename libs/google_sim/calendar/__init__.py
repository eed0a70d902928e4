"""Calendars: their events, and what changed in them for sync tokens."""
