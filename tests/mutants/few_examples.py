"""A pytest plugin: property tests draw the same few examples each time, and a failure is enough: no shorter one is looked for."""

from hypothesis import Phase, settings

EXAMPLES = 25


def pytest_configure() -> None:
    """Make it the profile of this run. Tests that ask for a number of examples of their own keep it."""
    settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("mutants")
