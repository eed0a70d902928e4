"""Runs the prep service: `python -m services.prep`."""

from functools import partial

from libs.common import outbox
from libs.common.events import AccountDisconnected, MeetingUpcoming, UserDeleted
from libs.common.requests import (
    DryRunPreps,
    FindBriefTokens,
    ForecastPreps,
    GetPreps,
    ListModelCalls,
    PreviewPrep,
    SendPrep,
)
from libs.common.service import Resources, run
from services.prep.context import Context
from services.prep.handlers import (
    abandoned,
    accounts,
    brief_tokens,
    dry_runs,
    forecasts,
    meetings,
    model_calls,
    preps,
    previews,
    users,
)

BRIEFS_AT_ONCE = 80  # of the hundred that the bus hands out


async def wire(r: Resources) -> None:
    context = Context.of(r)
    # A brief may wait 20 s for Claude, and many meetings begin on the hour.
    r.bus.subscribe(
        MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=BRIEFS_AT_ONCE, loops=BRIEFS_AT_ONCE
    )
    r.bus.subscribe(AccountDisconnected, partial(accounts.purge_account, context))
    r.bus.subscribe(UserDeleted, partial(users.purge_user, context))
    r.bus.respond(PreviewPrep, partial(previews.preview, context))
    r.bus.respond(SendPrep, partial(preps.send_now, context))
    r.bus.respond(GetPreps, partial(preps.list_preps, context))
    r.bus.respond(DryRunPreps, partial(dry_runs.dry_run, context))
    r.bus.respond(ForecastPreps, partial(forecasts.forecast_preps, context))
    r.bus.respond(FindBriefTokens, partial(brief_tokens.find_tokens, context))
    r.bus.respond(ListModelCalls, partial(model_calls.list_calls, context))
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))
    r.run_in_background("abandoned", partial(abandoned.keep_failing_abandoned, context))
    r.run_in_background("model_calls", partial(model_calls.keep_forgetting, context))


if __name__ == "__main__":
    run("prep", wire)
