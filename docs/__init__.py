"""The pages; what makes a site of them is in `docs.handbook`."""
