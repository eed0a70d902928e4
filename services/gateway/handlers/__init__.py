"""What the gateway does about the events that it consumes, by subject. HTTP requests come in through `api` and `pages`."""
