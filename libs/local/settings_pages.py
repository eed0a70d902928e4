"""What pages and files show of the settings: the table of the README, and what docker-compose.yml passes on. `make docs` writes both."""

import re
from collections.abc import Iterator

from libs.common.config.definitions import Definition, definitions
from libs.common.ids import SERVICES
from libs.local import ROOT
from libs.local.environment import redis_url_name

README = ROOT / "README.md"
COMPOSE = ROOT / "docker-compose.yml"

# The compose file gives these values of its own; `stream_replicas` and `data_dir` are for its `migrate`.
SET_BY_COMPOSE = frozenset(
    f"PINGCRM_{name}"
    for name in (
        "HOST", "PORT", "HEALTH_PORT", "PUBLIC_URL", "LOG_FORMAT", "POSTGRES_URL", "NATS_URL", "REDIS_URL", "SECRET_KEYS",
        "WEBHOOK_KEYS", "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET",
    )
)  # fmt: skip

_TABLE = re.compile(r"(<!-- settings: .*? -->\n)(?:.*\n)*?(<!-- end of settings -->\n)")
_PASSED_ON = re.compile(r"(?m)^( *)(# Passed on to (every service|\w+): .*\n)(?:.*\n)*?( *# End of settings\.\n)")


def readme(text: str) -> str:
    """The README with the table as it should be."""
    rows = ["| variable | default | what |", "| --- | --- | --- |", *_rows()]
    return _TABLE.sub(lambda found: "".join((found[1], *(f"{row}\n" for row in rows), found[2])), text)


def _rows() -> Iterator[str]:
    for definition in definitions().values():
        yield f"| `{definition.name}` | {definition.default} | {definition.description} |"
        if definition.name == "PINGCRM_REDIS_URL":
            first, last = redis_url_name(SERVICES[0]), redis_url_name(SERVICES[-1])
            yield f"| `{first}` … `{last}` | `PINGCRM_REDIS_URL` | for `up`: a service's own login on a Redis of yours |"


def compose(text: str) -> str:
    """The compose file with every setting passed on to those that read it."""

    def passed_on(found: re.Match[str]) -> str:
        indent, heading, whom, end = found.groups()
        lines = [f"{indent}{definition.name}:\n" for definition in definitions().values() if _is_for(definition, whom)]
        return "".join((indent, heading, *lines, end))

    return _PASSED_ON.sub(passed_on, text)


def _is_for(definition: Definition, whom: str) -> bool:
    if definition.name in SET_BY_COMPOSE:
        return False
    everybody = definition.readers == frozenset(SERVICES)
    return everybody if whom == "every service" else whom in definition.readers and not everybody


if __name__ == "__main__":
    README.write_text(readme(README.read_text()))
    COMPOSE.write_text(compose(COMPOSE.read_text()))
