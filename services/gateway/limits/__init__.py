"""What one user, one browser or one address may take of the gateway; all replicas count together, in Redis."""
