"""The user's webhook: notifications POSTed to a URL of theirs, signed, tried a few times, never to our own network."""
