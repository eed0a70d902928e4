"""What the service does when it hears a fact or is asked a question."""
