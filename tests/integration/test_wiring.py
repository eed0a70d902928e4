"""events.py and questions/ against what the services really subscribe to, and against the permissions on the bus."""

from importlib import import_module

import pytest

from libs.common.events import EVENTS, LIVE, TICKS
from libs.common.ids import SERVICES, Service
from libs.common.questions import QUESTIONS
from libs.common.service import running
from libs.common.topology import CONSUMERS, all_permissions, permissions
from tests.conftest import ServiceSettings


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_hears_and_answers_exactly_what_is_declared(
    service: Service, service_settings: ServiceSettings
) -> None:
    wire = import_module(f"services.{service}.__main__").wire
    settings = service_settings(service).model_copy(update={"port": 0})
    async with running(service, settings, wire) as resources:
        heard, answered = set(resources.bus.heard), set(resources.bus.answered)
    assert heard == {fact for fact in (*EVENTS, *TICKS) if service in fact.heard_by}
    assert answered == {question for question in QUESTIONS if question.answered_by == service}


def test_every_fact_has_somebody_who_says_and_somebody_who_hears_it() -> None:
    for fact in (*EVENTS, *TICKS):
        assert fact.said_by, fact.subject
        assert fact.heard_by, fact.subject
        assert fact.__doc__ or fact in TICKS, fact.subject


def test_subjects_are_unique_and_no_question_looks_like_a_fact() -> None:
    subjects = [declared.subject for declared in (*EVENTS, *TICKS, *QUESTIONS)]
    assert len(subjects) == len(set(subjects))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_say_and_ask_just_what_is_declared(service: Service) -> None:
    allowed = {subject for subject in permissions(service).publish if not subject.startswith(("$JS.", "dead."))}
    said = {fact.subject for fact in EVENTS if service in fact.said_by}
    asked = {question.subject for question in QUESTIONS if service in question.asked_by}
    assert allowed == said | asked


def test_nobody_may_publish_what_only_the_clock_says() -> None:
    for permission in all_permissions():
        assert not [subject for subject in permission.publish if subject.startswith(("clock.", "schedule."))]


def test_each_durable_consumer_belongs_to_one_hearer_of_a_stored_fact() -> None:
    assert {(consumer.service, consumer.fact) for consumer in CONSUMERS} == {
        (service, fact) for fact in (*EVENTS, *TICKS) if fact not in LIVE for service in fact.heard_by
    }
