"""Every entry point of sync, one file per subject: events, requests, schedules, and what the background loops do.

Handlers store what has changed and request runs; runs do what takes time.
"""
