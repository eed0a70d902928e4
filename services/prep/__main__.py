"""Runs the prep service: `python -m services.prep`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from libs.common import outbox
from libs.common.claude import Claude
from libs.common.events import AccountDisconnected, MeetingUpcoming, UserDeleted
from libs.common.google.api import Google
from libs.common.requests import DryRunPreps, GetPreps, PreviewPrep, SendPrep
from libs.common.service import Resources, run
from services.prep import answers, briefing, purging, settling
from services.prep.context import Context

SWEEP_SECONDS = 60.0


@asynccontextmanager
async def wire(r: Resources) -> AsyncIterator[None]:
    context = Context(
        r.settings, r.db, r.cache, r.bus, Google(r.settings, r.http, r.cache), Claude.from_settings(r.settings)
    )
    # A brief may wait 20 s for Claude, and many meetings begin on the hour.
    r.bus.subscribe(MeetingUpcoming, partial(briefing.brief, context), at_once=32)
    r.bus.subscribe(AccountDisconnected, partial(purging.purge_account, context))
    r.bus.subscribe(UserDeleted, partial(purging.purge_user, context))
    r.bus.respond(PreviewPrep, partial(answers.preview, context))
    r.bus.respond(SendPrep, partial(answers.send_now, context))
    r.bus.respond(GetPreps, partial(answers.list_preps, context))
    r.bus.respond(DryRunPreps, partial(answers.dry_run, context))
    background = [asyncio.create_task(outbox.keep_relaying(r.db, r.bus)), asyncio.create_task(_sweep(context))]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        for task in background:
            with suppress(asyncio.CancelledError):
                await task
        await context.claude.close()


async def _sweep(context: Context) -> None:
    """Every minute: briefs that nobody came back to in time have failed, and their users hear of it."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await context.bus.survive(lambda: settling.settle_abandoned(context))


if __name__ == "__main__":
    run("prep", wire)
