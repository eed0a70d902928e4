"""The gateway's rules, pure: who is notified of what in which words, what an error looks like, what can be synced, what is signed."""
