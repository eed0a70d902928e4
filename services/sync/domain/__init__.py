"""The decisions of sync, pure: no await, no clock, no I/O."""
