"""Where events, requests and loops enter the service: one file per subject."""
