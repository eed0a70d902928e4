"""Nothing lost: store, publish, then acknowledge or move the cursor."""

_LIVES = "tests/integration/fault_points/test_fault_points.py::test_a_life_with_faults_ends_as_one_without"


def life(*names: str) -> tuple[str, ...]:
    """The lives, each with a fault at every one of its points, that notice it."""
    return tuple(f"{_LIVES}[{name}]" for name in names)
