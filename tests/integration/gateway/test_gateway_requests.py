"""What each operation requests of the services: of whom, with all that the caller gave, for how long, and under which key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common import requests as q
from libs.common.errors import Refused
from libs.common.ids import AccountId, ContactId, InteractionId, MeetingId, UserId
from libs.common.preferences import GmailPreferences, Preferences
from services.gateway.api import ENDPOINTS
from services.gateway.api.serving import PREFIX
from services.gateway.export import PAGE
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.gateway import running_gateway

KEY = "0197c0de-1111-4222-8333-444455556666"
CONTACT, OTHER = ContactId(UUID(int=21)), ContactId(UUID(int=22))
MEETING, THING = MeetingId(UUID(int=23)), UUID(int=24)
MAIL = InteractionId(UUID(int=25))
AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HANDLE = q.TypedIdentity(kind="telegram", value="@carol")
FIELDS = q.ContactFields(name="Carol", emails=("carol@example.com",), identities=(HANDLE,))
# What is needed to get as far as the request that an operation is about.
ON_THE_WAY = (q.WhoIs, q.ListAccounts, q.GetSettings)


@dataclass(frozen=True)
class Case:
    """One call of an operation, and the request that comes of it."""

    name: str
    method: str
    path: str
    expected: q.Request[Any]
    seconds: float
    body: Any = None
    keyed: bool = False


def cases(user: UserId, account: AccountId) -> Iterator[Case]:
    of_account, of_contact, of_meeting = f"/accounts/{account}", f"/contacts/{CONTACT}", f"/meetings/{MEETING}"
    mine: dict[str, Any] = {"user_id": user}
    mailbox: dict[str, Any] = {**mine, "account_id": account}
    person: dict[str, Any] = {**mine, "contact_id": CONTACT}
    page: dict[str, Any] = {"cursor": "c", "limit": 7}

    yield Case("show_me", "GET", "/me", q.CountContacts(**mine), 10)
    yield Case("export_me", "GET", "/me/export", q.ExportContacts(**mine, what="contacts", cursor=None, limit=PAGE), 30)
    yield Case("sign_out_everywhere", "POST", "/me/sign-out-everywhere", q.SignOutEverywhere(**mine), 10)
    yield Case("delete_me", "DELETE", "/me", q.DeleteUser(**mine), 60, {"confirm": True})

    yield Case("list_accounts", "GET", "/accounts", q.GetSyncStatus(**mine), 10)
    yield Case("disconnect_account", "DELETE", of_account, q.Disconnect(**mailbox, purge=False), 30)
    yield Case("disconnect_account", "DELETE", f"{of_account}?purge=true", q.Disconnect(**mailbox, purge=True), 30)
    yield Case("list_syncs", "GET", f"{of_account}/syncs?cursor=c&limit=7", q.ListRuns(**mailbox, **page), 10)
    explained = q.ExplainMessage(**mailbox, message_id="18f")
    yield Case("explain_message", "GET", f"{of_account}/messages/18f/why", explained, 15)
    retried = q.RetryMessages(**mailbox, message_id="18f")
    yield Case("retry_message", "POST", f"{of_account}/messages/18f/retry", retried, 30)
    yield Case("retry_messages", "POST", f"{of_account}/messages/retry", q.RetryMessages(**mailbox), 30)
    yield Case("audit_account", "GET", f"{of_account}/audit", q.AuditAccount(**mailbox), 60)
    yield Case("start_audit", "POST", f"{of_account}/audit", q.StartAudit(**mailbox), 30)

    searched = q.SearchContacts(**mine, q="Carol", sort="score", **page)
    yield Case("list_contacts", "GET", "/contacts?q=%20Carol%20&sort=score&cursor=c&limit=7", searched, 10)
    filtered = q.SearchContacts(
        **mine, sort="company", tag="a b", relationship="Warm", archived=True, upcoming=True, going_cold=True
    )
    filters = "sort=company&tag=a%20b&relationship=Warm&archived=true&upcoming=true&going_cold=true"
    yield Case("list_contacts", "GET", f"/contacts?{filters}", filtered, 10)
    yield Case("list_tags", "GET", "/tags", q.ListTags(**mine), 10)
    body = FIELDS.model_dump(mode="json", exclude_unset=True)
    yield Case("create_contact", "POST", "/contacts", q.CreateContact(**mine, fields=FIELDS), 30, body, keyed=True)
    yield Case("show_contact", "GET", of_contact, q.GetContact(**person), 10)
    yield Case("update_contact", "PATCH", of_contact, q.UpdateContact(**person, fields=FIELDS), 30, body)
    yield Case("delete_contact", "DELETE", of_contact, q.DeleteContact(**person), 30)
    timeline = q.GetTimeline(**person, platform="gmail", direction="inbound", q="tea", group=True, **page)
    asked = "platform=gmail&direction=inbound&q=tea%20&group=true&cursor=c&limit=7"
    yield Case("list_interactions", "GET", f"{of_contact}/interactions?{asked}", timeline, 10)
    note: dict[str, Any] = {
        "platform": "telegram", "kind": "message", "direction": "inbound", "occurred_at": AT, "title": "T", "text": "X",
        "ref": "r", "thread": "t",
    }  # fmt: skip
    added = q.AddInteraction(**person, **note)
    body = {**note, "occurred_at": "2026-03-04T13:00:00+01:00"}
    yield Case("add_interaction", "POST", f"{of_contact}/interactions", added, 30, body, keyed=True)
    yield Case("list_duplicates", "GET", f"{of_contact}/duplicates", q.FindDuplicates(**person), 10)
    pairs = q.ListDuplicates(**mine, **page)
    yield Case("list_all_duplicates", "GET", "/duplicates?cursor=c&limit=7", pairs, 10)
    dismissed = q.DismissDuplicate(**person, other_id=OTHER)
    yield Case("dismiss_duplicate", "POST", f"{of_contact}/duplicates/{OTHER}/dismiss", dismissed, 30)
    yield Case("list_merges", "GET", f"{of_contact}/merges", q.ListMerges(**person), 10)
    merged = q.MergeContacts(**person, other_id=OTHER)
    yield Case("merge_contacts", "POST", f"{of_contact}/merge", merged, 30, {"other_id": str(OTHER)}, keyed=True)
    parted = q.UnlinkIdentity(**person, kind="telegram", value="carol")
    body = {"kind": "telegram", "value": "carol"}
    yield Case("unlink_identity", "POST", f"{of_contact}/identities/unlink", parted, 30, body, keyed=True)
    yield Case("undo_merge", "POST", f"/merges/{THING}/undo", q.UndoMerge(**mine, merge_id=THING), 30)
    yield Case("rotate_bcc", "POST", f"{of_contact}/bcc/rotate", q.RotateBcc(**person), 30)

    yield Case("list_waiting", "GET", "/waiting", q.ListWaiting(**mine), 10)
    settled = q.DismissWaiting(**mine, interaction_id=MAIL)
    yield Case("dismiss_waiting", "POST", f"/waiting/{MAIL}/dismiss", settled, 30)
    restored = q.RestoreWaiting(**mine, interaction_id=MAIL)
    yield Case("restore_waiting", "POST", f"/waiting/{MAIL}/restore", restored, 30)
    yield Case("list_exclusions", "GET", "/do-not-record", q.ListExclusions(**mine), 10)
    excluded = q.AddExclusion(**mine, value="example.com")
    yield Case("add_exclusion", "POST", "/do-not-record", excluded, 30, {"value": "example.com"}, keyed=True)
    removed = q.RemoveExclusion(**mine, exclusion_id=THING)
    yield Case("remove_exclusion", "DELETE", f"/do-not-record/{THING}", removed, 30)
    yield Case("exclude_contact", "POST", f"{of_contact}/do-not-record", q.ExcludeContact(**person), 30, keyed=True)

    until = datetime(2026, 3, 5, tzinfo=UTC)
    span = "from=2026-03-04T12:00:00Z&to=2026-03-05T01:00:00%2B01:00"
    listed = q.ListMeetings(**mailbox, start=AT, end=until, **page)
    yield Case("list_meetings", "GET", f"/meetings?{span}&account_id={account}&cursor=c&limit=7", listed, 10)
    month = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
    listed = q.ListMeetings(**mine, start=AT, end=month, account_id=None, cursor=None, limit=100)
    yield Case("list_meetings", "GET", "/meetings?from=2026-03-04T12:00:00Z", listed, 10)
    yield Case("show_meeting", "GET", of_meeting, q.GetMeeting(**mine, meeting_id=MEETING), 10)
    yield Case("preview_prep", "GET", f"{of_meeting}/prep", q.PreviewPrep(**mine, meeting_id=MEETING), 45)
    yield Case("send_prep", "POST", f"{of_meeting}/prep", q.SendPrep(**mine, meeting_id=MEETING), 90, keyed=True)
    noted_meeting = q.GetMeeting(**mine, meeting_id=MEETING)
    yield Case("show_note", "GET", f"{of_meeting}/note", noted_meeting, 10)
    yield Case("put_note", "PUT", f"{of_meeting}/note", noted_meeting, 10, {"text": "Tea."})
    yield Case("dry_run_preps", "GET", "/preps/dry-run?days=7", q.DryRunPreps(**mine, days=7), 60)

    after = Preferences(gmail=GmailPreferences(mail_lookback_days=30, own_addresses=("me@x.example",)))
    put = q.PutSettings(**mine, preferences=after, if_version=0)
    yield Case("put_settings", "PUT", "/settings", put, 10, {"gmail": {"mail_lookback_days": 30}})
    yield Case("list_tokens", "GET", "/tokens", q.ListApiTokens(**mine), 10)
    yield Case("create_token", "POST", "/tokens", q.CreateApiToken(**mine, name="x"), 30, {"name": "x"}, keyed=True)
    yield Case("delete_token", "DELETE", f"/tokens/{THING}", q.DeleteApiToken(**mine, token_id=THING), 30)


# Those that request nothing but what is on the way, those that publish, and exports in the background: other tests are about them.
WITHOUT_A_CASE = {
    "connect_account", "sync_account", "report_profile", "get_settings", "show_webhook", "make_webhook_secret", "stream_events",
    "start_export", "show_export", "download_export", "list_notifications", "read_notification", "accept_notification",
    "dismiss_notification", "read_all_notifications",
}  # fmt: skip


async def test_each_operation_requests_what_its_caller_asked_for_in_their_own_name(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[tuple[q.Request[Any], float, str | None]] = []
    async with running_gateway(service_settings) as gateway, gateway.client(None) as client:
        world, bus = gateway.world, gateway.resources.bus
        alice = world.alice.id
        world.preferences[alice] = Preferences(gmail=GmailPreferences(own_addresses=("me@x.example",)))
        original = bus.request

        async def request(sent: q.Request[Any], *, seconds: float = 10, idempotency_key: str | None = None) -> Any:
            if isinstance(sent, ON_THE_WAY):
                assert getattr(sent, "user_id", alice) == alice
                return await original(sent, seconds=seconds, idempotency_key=idempotency_key)
            requested.append((sent, seconds, idempotency_key))
            raise Refused(418, "noted", "It is noted.")

        monkeypatch.setattr(bus, "request", request)
        by_token = {"Authorization": "Bearer pcrm_alice", "Idempotency-Key": KEY}
        in_session = {"Cookie": f"{SESSION_COOKIE}=session-of-alice", "Origin": gateway.url, "Idempotency-Key": KEY}
        scopes = {endpoint.name: endpoint.scope for endpoint in ENDPOINTS}
        covered = set()
        for case in cases(alice, world.account(world.alice).id):
            requested.clear()
            headers = in_session if scopes[case.name] == "session" else by_token
            async with client.request(case.method, PREFIX + case.path, json=case.body, headers=headers) as response:
                assert response.status == 418, f"{case.name}: {await response.text()}"
            ((sent, seconds, key),) = requested
            assert (type(sent), sent.model_dump()) == (type(case.expected), case.expected.model_dump()), case.name
            assert seconds == case.seconds, case.name
            assert key == (KEY if case.keyed else None), case.name
            covered.add(case.name)
    assert covered | WITHOUT_A_CASE == {endpoint.name for endpoint in ENDPOINTS}
