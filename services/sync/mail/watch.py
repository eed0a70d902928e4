"""The watch of a mailbox: Gmail notifies our topic when something changes. Begun, renewed and ended within mail runs."""

from libs.common.errors import Outage
from libs.common.fault_points import reached
from libs.common.google.errors import Forbidden, Gone, NotReady, Rejected, WatchConflict
from libs.common.log import get_logger
from services.sync.domain.freshness import RETRY_AFTER_OUTAGE, RETRY_AFTER_REFUSAL, MailboxWatch
from services.sync.runs.run import Run
from services.sync.store import freshness

_ADVICE = {
    "forbidden": "Gmail may not publish to the topic: grant gmail-api-push@system.gserviceaccount.com the role"
    " Pub/Sub Publisher on it.",
    "gone": "The topic of PINGCRM_GOOGLE_PUBSUB_TOPIC does not exist: create it, or correct the setting.",
    "rejected": "Gmail does not take the topic of PINGCRM_GOOGLE_PUBSUB_TOPIC: it must lie in the Google Cloud project of"
    " the OAuth client.",
}


async def keep_watch(run: Run) -> None:
    """Do what the account's watch needs, if anything. No failure of it stops mail: polling goes on without."""
    topic, watch = run.engine.settings.google_pubsub_topic, run.account.watch
    step = watch.step(topic, run.now)
    if step == "nothing":
        return
    try:
        renewed = await _begin(run, topic) if step == "begin" else await _end(run)
    except (Forbidden, Gone, Rejected, NotReady) as error:
        get_logger().warning("watch_refused", code=error.code, error=_ADVICE.get(error.code, str(error)))
        renewed = watch.put_off(topic, run.now + RETRY_AFTER_REFUSAL)
    except Outage as outage:
        get_logger().warning("watch_postponed", error=str(outage))
        renewed = watch.put_off(topic, run.now + RETRY_AFTER_OUTAGE)
    await reached("sync.watch.begun")
    async with run.db.acquire() as connection:
        await freshness.set_watch(connection, run.lease.account_id, renewed)


async def _begin(run: Run, topic: str) -> MailboxWatch:
    """Gmail notifies one client per mailbox: where another client has the watch, it is stopped, once."""
    gmail = run.gmail()
    try:
        granted = await gmail.watch(topic)
    except WatchConflict:
        await gmail.stop_watch()
        granted = await gmail.watch(topic)
    get_logger().info("watched", until=granted.expires_at.isoformat(timespec="seconds"))
    return MailboxWatch.granted(topic, granted.expires_at, run.now)


async def _end(run: Run) -> MailboxWatch:
    """Push is configured no longer."""
    await run.gmail().stop_watch()
    get_logger().info("watch_ended")
    return MailboxWatch()
