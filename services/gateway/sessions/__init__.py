"""Who is calling, and the cookies by which a browser is known."""
