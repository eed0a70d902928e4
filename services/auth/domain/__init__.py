"""The decisions of signing in, keeping tokens fresh and giving an account up. Pure: `now` is an argument."""
