"""Google's sign-in: the authorization code flow with PKCE, tokens, and ID tokens."""
