"""What the bus keeps, for how long, and how it is delivered: word for word, a change here is a decision."""

from nats.js.api import AckPolicy, DeliverPolicy, DiscardPolicy, RetentionPolicy, StorageType

from libs.common.events import BATCHED, BROADCAST, EVENTS, MessageIngested, SyncCompleted
from libs.common.integrations import Grants
from libs.common.topology import (
    ACK_WAIT_SECONDS,
    CONSUMERS,
    DAY_SECONDS,
    FORWARDER,
    batch_of,
    consumer_of,
    inbox_prefix,
    permissions,
    streams,
)
from libs.local.integrations import NAME


def test_events_wait_on_disk_for_their_consumers_for_two_weeks_and_no_longer_than_needed() -> None:
    events, clock, dead, integrations = streams(3)
    for stream in (events, clock, dead, integrations):
        assert (stream.storage, stream.num_replicas) == (StorageType.FILE, 3)
    assert (events.retention, events.max_age, events.duplicate_window) == (RetentionPolicy.INTEREST, 14 * 86_400, 120)
    assert events.allow_atomic
    assert events.max_msgs is None
    assert events.max_bytes is None
    assert set(events.subjects or ()) == {event.subject for event in EVENTS if event not in BROADCAST} | {
        "interaction.reported.*.*", "profile.reported.*.*", "contact.changed", "prep.skipped",
    }  # fmt: skip
    assert (clock.retention, clock.max_age, clock.max_msgs_per_subject) == (RetentionPolicy.LIMITS, None, 1)
    assert clock.allow_msg_schedules
    assert (dead.retention, dead.max_age, dead.subjects) == (RetentionPolicy.LIMITS, 30 * DAY_SECONDS, ["dead.>"])
    assert dead.max_msgs is None
    assert (integrations.retention, integrations.max_age) == (RetentionPolicy.INTEREST, 14 * DAY_SECONDS)
    assert (integrations.max_bytes, integrations.discard) == (256 * 1024 * 1024, DiscardPolicy.OLD)
    assert (integrations.subjects, integrations.allow_atomic) == (["users.>", "rejected.>", "missed.*"], True)


def test_every_consumer_has_all_from_the_beginning_and_again_until_it_acknowledges() -> None:
    for consumer in CONSUMERS:
        config = consumer.config()
        assert config.durable_name == consumer.name
        assert tuple(config.filter_subjects or [str(config.filter_subject)]) == consumer.subjects
        assert consumer.subjects[0] == consumer.event.subject
        assert (config.ack_policy, config.deliver_policy) == (AckPolicy.EXPLICIT, DeliverPolicy.ALL)
        assert (config.ack_wait, config.max_deliver) == (ACK_WAIT_SECONDS, -1)
        assert (config.max_ack_pending or 0) >= batch_of(consumer.event), "a full batch can be on its way"
    assert len({consumer.name for consumer in (*CONSUMERS, FORWARDER)}) == len(CONSUMERS) + 1


def test_of_what_no_integration_subscribes_to_no_copies_are_made() -> None:
    assert FORWARDER.config([]).filter_subjects == ["interaction.reported.-.-"]
    assert not NAME.fullmatch("-"), "nobody publishes that"
    wanted = FORWARDER.config(
        [Grants(subscribe=(MessageIngested,)), Grants(subscribe=(SyncCompleted, MessageIngested))]
    )
    assert wanted.filter_subjects == ["sync.completed", "message.ingested"]
    assert (wanted.ack_policy, wanted.deliver_policy) == (AckPolicy.EXPLICIT, DeliverPolicy.ALL)
    assert (wanted.ack_wait, wanted.max_deliver) == (ACK_WAIT_SECONDS, -1)


def test_what_comes_by_the_thousand_comes_in_larger_batches() -> None:
    assert MessageIngested in BATCHED
    assert (batch_of(MessageIngested), batch_of(SyncCompleted)) == (500, 100)
    assert consumer_of("contacts", MessageIngested).config().max_ack_pending == 2_000


def test_a_service_reads_its_own_inbox_and_consumers_and_writes_its_own_dead_letters() -> None:
    for service, other in (("contacts", "prep"), ("prep", "contacts")):
        may = permissions(service)  # type: ignore[arg-type]
        assert f"{inbox_prefix(service)}.>" in may.subscribe
        assert f"dead.{service}.>" in may.publish
        everything = " ".join((*may.publish, *may.subscribe))
        assert f"dead.{other}" not in everything
        assert inbox_prefix(other) not in everything
        assert f".{other}_" not in everything
    assert "$JS.API.STREAM.PURGE.DEAD" in permissions("contacts").publish
    assert not [subject for subject in permissions("prep").publish if subject.endswith(".DEAD")]
