"""The answers to the `auth.*` questions, by subject. Each takes what it works with (`Auth`) and the question."""
