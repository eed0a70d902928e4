"""What other services request of `auth`, one file per subject. Each handler takes the Context and the command or query."""
