"""Libraries: what the services share (common), the laptop (local), a Google for demos and tests (google_sim)."""
