"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""
