"""Variables that begin as ours do and are no settings: a name that is wrong would just have no effect."""

import difflib
from collections.abc import Iterator, Mapping

from libs.common.config import PREFIX
from libs.common.config.definitions import definitions
from libs.common.ids import SERVICES
from libs.local import secrets
from libs.local.doctor.finding import Finding
from libs.local.environment import redis_url_name

ALIKE = 0.8  # how much of two names must agree before one is taken for a slip of the other

# Read by others than PingCRM: by the programs of docs/build, by docker-compose.yml, and by its own tests.
OTHERS = ("BUS_URL", "NATS_CONF", "TOKEN", "URL", "USER_ID")
OTHERS_BEGIN = ("BROWSER", "CHROMIUM", "CORPUS", "MUTANTS_", "PROOF_", "WRITE_GOLDEN")


def check_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """A slip is wrong, because what was meant is not in force; what resembles nothing of ours is noted."""
    known = {*definitions(), *secrets.NAMES, *map(redis_url_name, SERVICES)}
    bare = [name.removeprefix(PREFIX) for name in known]
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or name in known or rest in OTHERS or rest.startswith(OTHERS_BEGIN):
            continue
        if near := difflib.get_close_matches(rest, bare, n=1, cutoff=ALIKE):
            yield Finding("wrong", f"{name} is no setting of PingCRM: write {PREFIX}{near[0]}, or unset it.")
        else:
            yield Finding("note", f"{name} is no setting of PingCRM and has no effect: unset it.")
