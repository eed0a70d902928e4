"""The README and the compose file show the settings as they are defined."""

from typing import Any

import pytest
import yaml

from libs.common.config.definitions import definitions
from libs.common.ids import SERVICES, Service
from libs.local.settings_pages import COMPOSE, README, compose, readme


def test_the_table_of_the_readme_is_as_the_definitions_have_it() -> None:
    text = README.read_text()
    assert readme(text) == text, "run: make docs"
    assert [name for name in definitions() if f"| `{name}` |" not in text] == []


def test_the_compose_file_passes_on_what_the_definitions_have() -> None:
    text = COMPOSE.read_text()
    assert compose(text) == text, "run: make docs"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_given_the_settings_of_its_service_and_no_others(service: Service) -> None:
    described: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    given = set(described["services"][service]["environment"])
    assert given == {name for name, definition in definitions().items() if service in definition.readers}


def test_a_new_setting_appears_in_both_by_itself() -> None:
    row, line = "| `PINGCRM_POOL_SIZE` |", "  PINGCRM_POOL_SIZE:\n"
    without = "".join(kept for kept in README.read_text().splitlines(keepends=True) if not kept.startswith(row))
    assert row not in without
    assert readme(without) == README.read_text()
    assert compose(COMPOSE.read_text().replace(line, "")) == COMPOSE.read_text()
