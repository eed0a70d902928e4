"""A brief by hand, against a mailbox that does what it likes: one key, one email, and a refusal with its reason."""

from typing import Any

import pytest

from libs.common.errors import Outage, Refused, Throttled
from libs.common.events import PrepSent
from libs.common.google.errors import (
    MissingScope,
    ReauthRequired,
    Rejected,
)
from libs.common.idempotency import CommandKey, creation_id, under
from libs.common.ids import MeetingId, new_id
from libs.common.preferences import GmailPreferences
from libs.common.requests import GetPreps, SendPrep
from services.prep.briefing import brief_once
from services.prep.handlers.preps import list_preps, send_now
from services.prep.outcomes import UNCONFIRMED
from services.prep.store import preps
from tests.support.meetings import MEETING_ID, USER_ID, account, guest, me
from tests.support.prep_alone import SENT_ID, PrepAlone
from tests.support.prep_attempts import cache, in_sent, prep, raising
from tests.support.prep_stage import upcoming

__all__ = ["cache", "prep"]  # fixtures


def command() -> SendPrep:
    return SendPrep(user_id=USER_ID, meeting_id=MEETING_ID)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"accounts": ()}, 409, "disconnected"),
        ({"accounts": (account(status="disconnected"),)}, 409, "disconnected"),
        ({"accounts": (account(status="reauth_required"),)}, 409, "reauth_required"),
        ({"accounts": (account(scopes=frozenset()),)}, 403, "missing_scope"),
        ({"meetings": []}, 404, "not_found"),
        ({"meetings": [upcoming(guests=(me(),))]}, 422, "no_guests"),
        ({"user_exists": False}, 404, "not_found"),
    ],
)
async def test_what_can_not_be_sent_by_hand_is_refused_and_leaves_nothing(
    prep: PrepAlone, fields: dict[str, Any], status: int, code: str
) -> None:
    prep.meetings = [upcoming()]
    for name, value in fields.items():
        setattr(prep, name, value)
    with pytest.raises(Refused) as refused:
        await send_now(prep.context, command())
    assert (refused.value.status, refused.value.code) == (status, code)
    assert (await prep.rows(), prep.mailbox.raw) == ([], [])


@pytest.mark.parametrize(
    ("error", "status", "code", "state"),
    [
        (MissingScope("no"), 403, "missing_scope", "skipped"),
        (ReauthRequired("no"), 409, "reauth_required", "skipped"),
        (Rejected("Too large."), 502, "not_sent", "failed"),
        (Throttled("Slow down."), 502, "not_sent", "failed"),
        (Outage("reset"), 502, "not_sent", "failed"),
    ],
)
async def test_a_brief_by_hand_that_gmail_does_not_take_is_refused_with_the_reason(
    prep: PrepAlone, error: Exception, status: int, code: str, state: str
) -> None:
    prep.meetings = [upcoming()]
    prep.mailbox.send_once = raising(error)
    with pytest.raises(Refused) as refused:
        await send_now(prep.context, command())
    assert (refused.value.status, refused.value.code) == (status, code)
    (row,) = await prep.rows()
    assert (row["state"], row["by_hand"]) == (state, True)
    assert (await list_preps(prep.context, GetPreps(user_id=USER_ID, meeting_ids=(MEETING_ID,)))).items[
        0
    ].state == state
    assert len(prep.bus.published) == 1


@pytest.mark.parametrize(
    ("finding", "found", "state", "reason"),
    [
        (None, True, "sent", ""),
        (None, False, "failed", UNCONFIRMED),
        (MissingScope("no"), False, "failed", UNCONFIRMED),
        (Outage("away"), False, "failed", UNCONFIRMED),
    ],
)
async def test_a_brief_by_hand_whose_answer_was_lost_is_looked_for_at_once(
    prep: PrepAlone, finding: Exception | None, found: bool, state: str, reason: str
) -> None:
    prep.meetings = [upcoming()]

    async def lost() -> str:
        if found:
            in_sent(prep, (await prep.rows())[0]["token"])
        raise Outage("reset")

    prep.mailbox.send_once, prep.mailbox.finding = lost, finding
    if found:
        assert (await send_now(prep.context, command())).state == "sent"
    else:
        with pytest.raises(Refused, match="may have arrived"):
            await send_now(prep.context, command())
    (row,) = await prep.rows()
    assert (row["state"], row["reason"], row["gmail_id"]) == (state, reason, "found1" if found else None)
    assert row["handed_over_at"] is not None


@pytest.mark.parametrize("found", [True, False])
async def test_a_brief_by_hand_that_was_cut_off_goes_on_under_the_same_token(prep: PrepAlone, found: bool) -> None:
    """The first try died when Gmail may have had it: it is looked for, and sent where it is not found."""
    prep.meetings = [upcoming()]
    with under(CommandKey("prep", SendPrep.subject, str(USER_ID), "key")):
        async with prep.db.acquire() as connection:
            stored = await preps.acquire_by_hand(connection, creation_id(), prep.meetings[0], "pcrm" + "b" * 20)
        assert stored is not None
        await prep.db.execute("UPDATE preps SET handed_over_at = now()")
        await prep.end_leases()
        if found:
            in_sent(prep, stored.token)
        assert (await send_now(prep.context, command())).state == "sent"
    (row,) = await prep.rows()
    assert (row["attempts"], row["gmail_id"]) == (2, "found1" if found else SENT_ID)
    assert prep.mailbox.looks == (["Sent", "found1"] if found else ["Sent"])
    assert [stored.token.encode() in raw for raw in prep.mailbox.raw] == ([] if found else [True])
    assert len(prep.received(PrepSent)) == 1


async def test_a_brief_by_hand_is_sent_though_the_bus_is_away(prep: PrepAlone) -> None:
    prep.meetings = [upcoming()]
    prep.bus.away = True
    assert (await send_now(prep.context, command())).state == "sent"
    assert (len(prep.mailbox.raw), await prep.waiting_events()) == (1, 1)


async def test_the_state_of_a_brief_is_its_users(prep: PrepAlone) -> None:
    prep.meetings = [upcoming()]
    await send_now(prep.context, command())
    elsewhere = MeetingId(new_id())
    mine = await list_preps(prep.context, GetPreps(user_id=USER_ID, meeting_ids=(elsewhere, MEETING_ID)))
    assert [prep.state for prep in mine.items] == ["sent"]
    nobody = type(USER_ID)(new_id().hex)
    theirs = await list_preps(prep.context, GetPreps(user_id=nobody, meeting_ids=(MEETING_ID,)))
    assert theirs.items == ()
    with pytest.raises(Refused) as refused:
        await send_now(prep.context, SendPrep(user_id=nobody, meeting_id=MEETING_ID))
    assert refused.value.status == 404


async def test_own_addresses_of_the_settings_are_no_guests(prep: PrepAlone) -> None:
    prep.preferences = GmailPreferences(own_addresses=("sam@work.example",))
    await brief_once(prep.context, upcoming(guests=(me(), guest("sam@work.example"))), None)
    (row,) = await prep.rows()
    assert row["reason"] == "no_guests"
