"""Runs the prep service: `python -m services.prep`."""

from functools import partial

from libs.common import outbox
from libs.common.claude import Claude
from libs.common.events import AccountDisconnected, MeetingUpcoming, UserDeleted
from libs.common.google.api import Google
from libs.common.requests import DryRunPreps, GetPreps, PreviewPrep, SendPrep
from libs.common.service import Resources, run
from services.prep import answers, briefing, purging, settling
from services.prep.context import Context


async def wire(r: Resources) -> None:
    claude = Claude.from_settings(r.settings)
    r.stack.push_async_callback(claude.close)
    context = Context(r.settings, r.db, r.cache, r.bus, Google(r.settings, r.http, r.cache), claude)
    # A brief may wait 20 s for Claude, and many meetings begin on the hour.
    r.bus.subscribe(MeetingUpcoming, partial(briefing.brief, context), at_once=32)
    r.bus.subscribe(AccountDisconnected, partial(purging.purge_account, context))
    r.bus.subscribe(UserDeleted, partial(purging.purge_user, context))
    r.bus.respond(PreviewPrep, partial(answers.preview, context))
    r.bus.respond(SendPrep, partial(answers.send_now, context))
    r.bus.respond(GetPreps, partial(answers.list_preps, context))
    r.bus.respond(DryRunPreps, partial(answers.dry_run, context))
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))
    r.run_in_background("abandoned", partial(settling.keep_settling_abandoned, context))


if __name__ == "__main__":
    run("prep", wire)
