"""Which modules are mutated, and which tests may notice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Subject = Literal["rules", "security"]

RULES = (
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
# What stands against the threats of docs/threats.md, pure or not: its table in docs/security.md has the same order.
SECURITY = (
    # sessions, and requests of other sites
    "services/gateway/sessions/*.py",
    "services/gateway/domain/sessions.py",
    "services/gateway/domain/token_scopes.py",
    "services/gateway/api/serving.py",
    "services/auth/handlers/sessions.py",
    "services/auth/store/sessions.py",
    # signing in with Google
    "services/auth/authorization.py",
    "services/auth/handlers/sign_in.py",
    "services/auth/account_linking.py",
    "services/auth/domain/sign_in.py",
    "services/auth/domain/sign_up.py",
    "libs/common/google/id_token.py",
    "libs/common/google/oauth.py",
    # tokens and keys
    "services/auth/keyring.py",
    "services/auth/credentials.py",
    "services/auth/token_creation.py",
    "services/auth/domain/api_tokens.py",
    "services/auth/store/api_tokens.py",
    "libs/common/idempotency.py",
    # assistants
    "services/gateway/assistants/authorization.py",
    "services/gateway/pages/assistants.py",
    "services/gateway/domain/assistant_clients.py",
    "services/gateway/domain/redirect_uris.py",
    "services/gateway/domain/signed_values.py",
    "services/gateway/domain/quoted.py",
    # notifications that come in, calls and mail that go out
    "services/gateway/api/google_push.py",
    "services/gateway/api/calendar_push.py",
    "services/gateway/domain/webhook_delivery.py",
    "services/gateway/domain/public_hosts.py",
    "services/gateway/webhook_delivery/http_client.py",
    "services/prep/domain/mail.py",
    # what others wrote, in pages, briefs and prompts
    "services/prep/domain/clean.py",
    "services/prep/rendering.py",
    "services/gateway/pages/render.py",
    "services/gateway/domain/photos.py",
    "services/gateway/photos.py",
    # limits
    "services/gateway/limits/*.py",
    "services/gateway/domain/client_address.py",
    "services/gateway/middlewares.py",
    "services/gateway/app.py",
    "libs/common/web.py",
    # one service, one user
    "libs/common/db.py",
    "libs/local/row_security.py",
    "libs/common/cache_access.py",
    "libs/common/integrations.py",
    "libs/common/tls.py",
)
MODULES: Mapping[Subject, tuple[str, ...]] = {"rules": RULES, "security": SECURITY}

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
INTEGRATION_TESTS: Mapping[Subject, tuple[str, ...]] = {
    "rules": (
        "tests/integration/auth",
        "tests/integration/common",
        "tests/integration/contacts",
        "tests/integration/gateway",
        "tests/integration/prep",
        "tests/integration/sync",
    ),
    "security": (
        "tests/integration/auth",
        "tests/integration/common",
        "tests/integration/gateway",
    ),
}
# They measure time, or go through the whole of the code for some other reason: slow, and no second opinion.
LEFT_OUT = (
    "tests/unit/common/test_linear_time.py",
    "tests/integration/common/test_bus_large_messages.py",
    "tests/integration/sync/test_lock_order.py",
)


def module_paths(root: Path, subject: Subject = "rules") -> tuple[str, ...]:
    """The modules' paths from the root of the checkout, without those that hold nothing but a docstring."""
    found = {path.relative_to(root).as_posix() for pattern in MODULES[subject] for path in root.glob(pattern)}
    return tuple(
        sorted(path for path in found if not path.endswith("__init__.py") or (root / path).stat().st_size > 500)
    )
