"""Mailboxes: messages, threads, labels and history; their formats, search and batches."""
