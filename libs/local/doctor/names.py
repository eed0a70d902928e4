"""Variables that begin as settings do and are none: a name that is wrong would just have no effect."""

import difflib
from collections.abc import Iterator, Mapping

from libs.common.config import OPENTELEMETRY_PREFIX, PREFIX
from libs.common.config.definitions import definitions
from libs.common.config.secret_files import SUFFIX
from libs.common.ids import SERVICES
from libs.local import secrets
from libs.local.doctor.finding import Finding
from libs.local.environment import redis_url_name, secret_names

# How much of two names must agree before one is taken for a slip of the other. OpenTelemetry's own names are much alike.
ALIKE = 0.8
ALIKE_OF_OPENTELEMETRY = 0.95

# Read by others than PingCRM: by the programs of docs/build, by docker-compose.yml and the scripts beside it (a test goes through all of
# these), and by its own tests.
OTHERS = (
    "BUS_URL", "TOKEN", "URL", "USER_ID", "WEBHOOK_SECRET",
    "DOMAIN", "ENGINE", "HTTP_PORT", "HTTPS_PORT", "IMAGE", "NATS_CONF", "PUBSUB_CREDENTIALS_FILE", "TLS",
)  # fmt: skip
OTHERS_BEGIN = ("BROWSER", "CHROMIUM", "CORPUS", "MUTANTS_", "PROMTOOL", "PROOF_", "WRITE_GOLDEN")
OTHERS_END = ("_IMAGE", "_MEMORY")


def _files() -> Iterator[str]:
    return (name + SUFFIX for name in secret_names())


def check_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """A slip is wrong, because what was meant is not in force; what resembles nothing of ours is noted, unless it is OpenTelemetry's."""
    known = {*definitions(), *secrets.NAMES, *map(redis_url_name, SERVICES), *_files()}
    by_rest = {name.removeprefix(PREFIX): name for name in known}
    for name in sorted(environment):
        rest, is_ours = name.removeprefix(PREFIX), name.startswith(PREFIX)
        if name in known or not name.startswith((PREFIX, OPENTELEMETRY_PREFIX)):
            continue
        if is_ours and (rest in OTHERS or rest.startswith(OTHERS_BEGIN) or rest.endswith(OTHERS_END)):
            continue
        if near := difflib.get_close_matches(rest, by_rest, n=1, cutoff=ALIKE if is_ours else ALIKE_OF_OPENTELEMETRY):
            yield Finding("wrong", f"{name} is no setting of PingCRM: write {by_rest[near[0]]}, or unset it.")
        elif is_ours:
            yield Finding("note", f"{name} is no setting of PingCRM and has no effect: unset it.")
