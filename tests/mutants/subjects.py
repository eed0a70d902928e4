"""Which modules are mutated, and which tests may notice."""

from pathlib import Path

MODULES = (
    "services/*/domain/**/*.py",
    "libs/common/addresses.py",
    "libs/common/attendees.py",
    "libs/common/birthdays.py",
    "libs/common/brief_mark.py",
    "libs/common/config/secret_files.py",
    "libs/common/encoded_words.py",
    "libs/common/noreply.py",
    "libs/common/pagination.py",
    "libs/common/preferences.py",
    "libs/common/scopes.py",
    "libs/common/time_slice.py",
    "libs/common/time_zones.py",
    "libs/common/tls.py",
    "libs/common/resources/*.py",
    "libs/common/google/*.py",
    "libs/common/bus/delivery.py",
    "libs/common/bus/pull.py",
    "services/auth/keyring.py",
    "services/gateway/sessions/*.py",
    "services/gateway/webhook_delivery/http_client.py",
)

UNIT_TESTS = (
    "tests/unit/auth",
    "tests/unit/common",
    "tests/unit/contacts",
    "tests/unit/gateway",
    "tests/unit/google_edge",
    "tests/unit/prep",
    "tests/unit/sync",
)
# Only for what the unit tests leave alive; of each folder what ends within seconds.
INTEGRATION_TESTS = (
    "tests/integration/auth",
    "tests/integration/common",
    "tests/integration/contacts",
    "tests/integration/gateway",
    "tests/integration/prep",
    "tests/integration/sync",
)
# They measure time, or go through the whole of the code for some other reason: slow, and no second opinion.
LEFT_OUT = (
    "tests/unit/common/test_linear_time.py",
    "tests/integration/common/test_bus_large_messages.py",
    "tests/integration/sync/test_lock_order.py",
)


def module_paths(root: Path) -> tuple[str, ...]:
    """The modules' paths from the root of the checkout, without those that hold nothing but a docstring."""
    found = {path.relative_to(root).as_posix() for pattern in MODULES for path in root.glob(pattern)}
    return tuple(
        sorted(path for path in found if not path.endswith("__init__.py") or (root / path).stat().st_size > 500)
    )
