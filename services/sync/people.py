"""Reading Google Contacts: in full, or since the last time."""

from dataclasses import replace

from libs.common.events import PersonRemoved
from libs.common.google.errors import PageExpired, SyncTokenExpired
from libs.common.resources.people import CardPage
from services.sync.domain.cursors import NEVER, SyncCursor
from services.sync.domain.people import fingerprint, imported, is_imported
from services.sync.runs.run import Job
from services.sync.store import cursors, people
from services.sync.store.runs import Tally


async def sync_people(job: Job) -> None:
    """Bring the cards of one account up to date. An expired sync token means one full listing more."""
    async with job.db.acquire() as connection:
        token = await cursors.get_cursor(connection, job.claim.account_id, "contacts")
    cursor = SyncCursor.from_json(token) if token else NEVER
    try:
        await _read(job, cursor)
    except SyncTokenExpired:
        await _read(job, replace(cursor, sync_token=None))


async def _read(job: Job, cursor: SyncCursor) -> None:
    """All pages; the cursor moves after everything on them is said. A full listing is a new generation, and what it misses is gone."""
    full = cursor.sync_token is None
    generation = cursor.generation + full
    page_token: str | None = None
    while True:
        try:
            page = await job.google.people.connections(cursor.sync_token, page_token)
        except PageExpired as expired:
            job.begin_again(expired)
            page_token = None
            continue
        await _keep(job, page, generation)
        page_token = page.next_page
        if page_token is None:
            break
    if full:
        async with job.writing() as connection:
            await people.delete_older_people(connection, job.claim.account_id, generation)
    await _tell_deletions(job)
    async with job.writing() as connection:
        token = SyncCursor(page.sync_token, generation).to_json()
        await cursors.upsert_cursor(connection, job.claim.account_id, "contacts", token)


async def _keep(job: Job, page: CardPage, generation: int) -> None:
    """Store a page, say what is new or changed in it, write down that it was said."""
    account_id = job.claim.account_id
    cards = {card.resource_name: card for card in page.cards}
    wanted = {name: card for name, card in cards.items() if is_imported(card)}
    former = {name for card in wanted.values() for name in card.former_names}
    async with job.writing() as connection:
        unsaid = await people.upsert_people(
            connection, account_id, {name: fingerprint(card) for name, card in wanted.items()}, generation
        )
        await people.delete_people(
            connection, account_id, sorted((cards.keys() - wanted.keys()) | (former - wanted.keys()))
        )
    await job.sync.bus.publish(
        *(imported(wanted[name], job.claim.user_id, account_id, revision) for name, (revision, _) in unsaid.items())
    )
    new = sum(is_new for _, is_new in unsaid.values())
    tally = Tally(done=len(cards), new=new, updated=len(unsaid) - new)
    if empty := sum(not card.deleted for card in cards.values()) - len(wanted):
        tally.skipped["empty"] = empty
    async with job.writing() as connection:
        await people.mark_people_said(
            connection, account_id, {name: revision for name, (revision, _) in unsaid.items()}
        )
        await job.count(connection, tally)
    await job.show(job.done, job.done)


async def _tell_deletions(job: Job) -> None:
    async with job.db.acquire() as connection:
        gone = await people.list_unsaid_deletions(connection, job.claim.account_id)
    if not gone:
        return
    await job.sync.bus.publish(
        *(
            PersonRemoved(
                user_id=job.claim.user_id, account_id=job.claim.account_id, resource_name=name, revision=revision
            )
            for name, revision in gone.items()
        )
    )
    async with job.writing() as connection:
        await people.mark_people_said(connection, job.claim.account_id, gone)
        await job.count(connection, Tally(removed=len(gone)))
