"""What prep consumes, serves and does by itself, one file per subject. Each handler takes the Context and the message."""
