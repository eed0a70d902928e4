"""What hypothesis draws hostile texts from."""

from itertools import chain

from hypothesis import strategies as st

from tests.support.hostile_texts import FORMS


def hostile_forms(most: int = 300) -> st.SearchStrategy[str]:
    """One of the repeated, unclosed and nested forms, about as long as drawn: up to `most` characters."""
    every = list(chain.from_iterable(FORMS.values()))
    return st.builds(lambda form, size: form.make(size), st.sampled_from(every), st.integers(1, most))
