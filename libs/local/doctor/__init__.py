"""`pingcrm doctor`: what is wrong with the configuration, in sentences with what to do. `pingcrm up` looks at the same first."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from libs.common.config import Settings, settings_from
from libs.common.config.definitions import sentences
from libs.local.data_dir import Runtime, Unusable, read_runtime
from libs.local.doctor.finding import Finding
from libs.local.doctor.folder import check_data_dir
from libs.local.doctor.names import check_names
from libs.local.doctor.place import Place, command_of, place_of
from libs.local.doctor.servers import check_redis_logins, check_servers
from libs.local.doctor.settings import check_settings
from libs.local.environment import Servers, external_servers
from libs.local.locate import locate
from libs.local.ports import why_not_served

__all__ = ["Finding", "check_names", "examine"]


async def examine(
    environment: Mapping[str, str],
    data_dir: Path,
    port: int | None = None,
    *,
    new_secrets: bool = False,
    place: Place | None = None,
) -> AsyncIterator[Finding]:
    """Every finding, the settings first: without valid settings nothing else can be checked.

    `port` and `new_secrets` are what `pingcrm up` is called with. `place` is who is going to run with the environment; None: whoever the
    environment is made for, so that in the container of a service what that service needs is looked at, with its own logins.
    """
    for finding in check_names(environment):
        yield finding
    try:
        settings = settings_from(environment if port is None else {**environment, "PINGCRM_PORT": str(port)})
    except ValidationError as error:
        for sentence in sentences(error):
            yield Finding("wrong", sentence)
        return
    place = place or place_of(environment, data_dir)
    if place == "up":
        async for finding in _examine_machine(settings, environment, data_dir, new_secrets=new_secrets):
            yield finding
        return
    yield Finding("ok", f"The variables are those of `{command_of(place)}`: what that needs is looked at.")
    for finding in check_settings(settings, place):
        yield finding
    async for finding in _examine_servers(external_servers(environment), settings, place):
        yield finding


async def _examine_machine(
    settings: Settings, environment: Mapping[str, str], data_dir: Path, *, new_secrets: bool
) -> AsyncIterator[Finding]:
    """What `pingcrm up` needs beside valid settings: its folder, its port, and the servers, which may be embedded."""
    try:
        running, known = read_runtime(data_dir), True
    except Unusable:  # reported with the folder; what runs there can't be found out
        running, known = None, False
    for finding in check_settings(_as_it_runs(settings, running)):
        yield finding
    for finding in check_data_dir(data_dir, environment, new_secrets=new_secrets):
        yield finding
    if not known:
        return
    if running is None and settings.port and (refused := await why_not_served(settings.port, settings.host)):
        yield Finding("wrong", refused)
    async for finding in _examine_servers(locate(data_dir, environment).servers, settings, "up"):
        yield finding


async def _examine_servers(servers: Servers, settings: Settings, place: Place) -> AsyncIterator[Finding]:
    async for finding in check_servers(servers, settings.stream_replicas, place):
        yield finding
    async for finding in check_redis_logins(servers, place):
        yield finding


def _as_it_runs(settings: Settings, running: Runtime | None) -> Settings:
    """At the address of the `pingcrm up` that runs on the folder: it may have been given another port than we."""
    return settings.model_copy(update={"public_url": running.url}) if running and running.url else settings
