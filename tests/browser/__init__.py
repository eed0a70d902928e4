"""The pages in a real browser, on the whole product with the local Google."""
