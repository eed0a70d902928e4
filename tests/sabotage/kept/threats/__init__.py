"""What stands against the threats of docs/threats.md, taken out: each row has one here or in another module, and its tests notice."""
