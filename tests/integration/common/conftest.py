"""`bus("contacts")`: an end of the bus of this test's servers, not started yet (tests/support/bus.py: `alive`). `installation`: what
`pingcrm integration` works on, for the tests of a module together.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.ids import Service
from libs.local import commands
from libs.local.secrets import Secrets
from tests.conftest import ServiceSettings
from tests.support.bus import OpenBus
from tests.support.database import Database
from tests.support.integrations import Installation, installed


@pytest.fixture
def bus(service_settings: ServiceSettings) -> OpenBus:
    def open_bus(service: Service) -> Bus:
        settings = service_settings(service)
        return Bus(settings, service, open_cache(settings, service))

    return open_bus


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(
    tmp_path_factory: pytest.TempPathFactory, secrets: Secrets, module_database: Database
) -> AsyncIterator[Installation]:
    """A module that uses it takes `database` and `nats_server` from it, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands.console, "_width", 250)
        async with installed(tmp_path_factory.mktemp("installation"), secrets, module_database) as made:
            yield made
