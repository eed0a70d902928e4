"""Grants and tokens: authorization requests, codes, tokens, ID tokens, service accounts."""
