"""`bus("contacts")`: an end of the bus of this test's servers, not started yet (tests/support/bus.py: `alive`)."""

import pytest

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.ids import Service
from tests.conftest import ServiceSettings
from tests.support.bus import OpenBus


@pytest.fixture
def bus(service_settings: ServiceSettings) -> OpenBus:
    def open_bus(service: Service) -> Bus:
        settings = service_settings(service)
        return Bus(settings, service, open_cache(settings, service))

    return open_bus
