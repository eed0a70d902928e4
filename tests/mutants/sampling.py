"""A sample that is spread over the modules: the same for the same seed and code."""

import random
from collections.abc import Mapping, Sequence

AT_LEAST = 5


def sample(sizes: Mapping[str, int], count: int, seed: int) -> Sequence[tuple[str, int]]:
    """Module and number of the mutants that are tried: some of each module, the rest by the root of how many it has.

    Of more modules than the count has room for there is at least one each.

    By the root, because a table of words has a thousand mutants and a rule that decides about mail has thirty.
    """
    at_least = min(AT_LEAST, max(1, count // max(1, len(sizes))))
    shares = {module: min(size, at_least) for module, size in sizes.items()}
    while sum(shares.values()) < min(count, sum(sizes.values())):
        open_modules = [module for module, size in sizes.items() if shares[module] < size]
        module = min(open_modules, key=lambda name: (shares[name] / sizes[name] ** 0.5, name))
        shares[module] += 1
    choice = random.Random(seed)
    return [
        (module, number)
        for module in sorted(sizes)
        for number in sorted(choice.sample(range(sizes[module]), shares[module]))
    ]
