"""events/ and requests/ against what the services really subscribe to, and against the permissions on the bus."""

from importlib import import_module

import pytest

from libs.common.events import ALSO_KEPT, BROADCAST, EVENTS, OFFERED, TICKS
from libs.common.ids import SERVICES, Service
from libs.common.integrations import PUBLISHABLE
from libs.common.requests import REQUESTS
from libs.common.service import running
from libs.common.topology import BACKLOG_LIMITER, CONSUMERS, FORWARDER, all_permissions, permissions
from tests.conftest import ServiceSettings


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_subscribes_to_and_serves_exactly_what_is_declared(
    service: Service, service_settings: ServiceSettings
) -> None:
    wire = import_module(f"services.{service}.__main__").wire
    settings = service_settings(service).model_copy(update={"port": 0})
    async with running(service, settings, wire) as resources:
        subscribed, served = set(resources.bus.subscribed), set(resources.bus.served)
    assert subscribed == {event for event in (*EVENTS, *TICKS) if service in event.consumed_by}
    assert served == {request for request in REQUESTS if request.served_by == service}


def test_every_event_has_a_publisher_and_a_consumer() -> None:
    for event in (*EVENTS, *TICKS):
        assert event.published_by, event.subject
        assert event.consumed_by, event.subject
        assert event.__doc__ or event in TICKS, event.subject


def test_subjects_are_unique_across_events_and_requests() -> None:
    subjects = [declared.subject for declared in (*EVENTS, *TICKS, *REQUESTS)]
    assert len(subjects) == len(set(subjects))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_and_request_just_what_is_declared(service: Service) -> None:
    allowed = {subject for subject in permissions(service).publish if not subject.startswith(("$JS.", "dead."))}
    published = {event.subject for event in EVENTS if service in event.published_by}
    requested = {request.subject for request in REQUESTS if service in request.requested_by}
    copies = {f"users.*.*.{event.subject}" for event in OFFERED} if service == FORWARDER.service else set()
    rejections = {f"rejected.*.{event.subject}" for event in PUBLISHABLE if service in event.consumed_by}
    notices = {"missed.*"} if service == BACKLOG_LIMITER else set()
    assert allowed == published | requested | copies | rejections | notices


def test_nobody_may_publish_what_only_the_clock_publishes() -> None:
    for permission in all_permissions():
        assert not [subject for subject in permission.publish if subject.startswith(("clock.", "schedule."))]


def test_each_durable_consumer_belongs_to_a_single_consumer_of_a_stored_event() -> None:
    assert {(consumer.service, consumer.event) for consumer in CONSUMERS} == {
        (service, event)
        for event in (*EVENTS, *TICKS)
        if event not in BROADCAST or event in ALSO_KEPT
        for service in event.consumed_by
    }
    assert set(ALSO_KEPT) <= set(BROADCAST) & set(OFFERED), "the stream has their subjects"
