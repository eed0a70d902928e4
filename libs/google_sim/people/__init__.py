"""Contacts: the people of an account, and what changed in them for sync tokens."""
