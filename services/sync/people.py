"""Reading Google Contacts: in full, or since the last time."""

from dataclasses import replace

from libs.common.events import PersonRemoved
from libs.common.fault_points import reached
from libs.common.google.errors import PageExpired, SyncTokenExpired
from libs.common.resources.people import CardPage
from services.sync.domain.cursors import NEVER, SyncCursor
from services.sync.domain.people import fingerprint, imported, is_imported
from services.sync.domain.runs import Tally
from services.sync.item_audit import CARDS, audit_if_due
from services.sync.runs.run import Run
from services.sync.store import cursors, people


async def sync_people(run: Run) -> None:
    """Bring the cards of one account up to date, and audit them where that is due: what is to be published again is read once more."""
    await _bring_up_to_date(run)
    if await audit_if_due(run, CARDS):
        await _bring_up_to_date(run)


async def _bring_up_to_date(run: Run) -> None:
    """Read what changed. An expired sync token means one full listing more, and so does a card that is still to be published: what is on
    it is at Google.
    """
    async with run.db.acquire() as connection:
        token = await cursors.get_cursor(connection, run.lease.account_id, "contacts")
        to_publish = await people.has_unpublished_cards(connection, run.lease.account_id)
    cursor = SyncCursor.from_json(token) if token else NEVER
    if to_publish:
        cursor = replace(cursor, sync_token=None)
    try:
        await _read(run, cursor)
    except SyncTokenExpired:
        await _read(run, replace(cursor, sync_token=None))


async def _read(run: Run, cursor: SyncCursor) -> None:
    """All pages; the cursor moves after everything on them is published. A full listing is a new generation; what it misses is gone."""
    full = cursor.sync_token is None
    generation = cursor.generation + full
    page_token: str | None = None
    while True:
        try:
            page = await run.people.connections(cursor.sync_token, page_token)
        except PageExpired as expired:
            run.begin_again(expired)
            page_token = None
            continue
        await _keep(run, page, generation)
        page_token = page.next_page
        if page_token is None:
            break
    await reached("sync.people.read")
    if generation > 1 and full:
        async with run.writing() as connection:
            await people.delete_older_people(connection, run.lease.account_id, generation)
    await _publish_deletions(run)
    await reached("sync.people.applied")
    async with run.writing() as connection:
        token = SyncCursor(page.sync_token, generation).to_json()
        await cursors.upsert_cursor(connection, run.lease.account_id, "contacts", token)


async def _keep(run: Run, page: CardPage, generation: int) -> None:
    """Store a page, publish what is new or changed in it, write down that it was published."""
    if not page.cards:
        return
    account_id = run.lease.account_id
    cards = {card.resource_name: card for card in page.cards}
    wanted = {name: card for name, card in cards.items() if is_imported(card)}
    former = {name for card in wanted.values() for name in card.former_names}
    async with run.writing() as connection:
        unpublished = await people.upsert_people(
            connection, account_id, {name: fingerprint(card) for name, card in wanted.items()}, generation
        )
        await people.delete_people(
            connection, account_id, sorted((cards.keys() - wanted.keys()) | (former - wanted.keys()))
        )
    await reached("sync.people.stored")
    await run.engine.bus.publish(
        *(
            imported(wanted[name], run.lease.user_id, account_id, revision)
            for name, (revision, _) in unpublished.items()
        )
    )
    await reached("sync.people.published")
    new = sum(is_new for _, is_new in unpublished.values())
    empty = sum(not card.deleted for card in cards.values()) - len(wanted)
    async with run.step(publish_progress=True) as step:
        await people.mark_people_published(
            step.connection, account_id, {name: revision for name, (revision, _) in unpublished.items()}
        )
        step.count(Tally(len(cards), new, updated=len(unpublished) - new, skipped={"empty": empty} if empty else {}))


async def _publish_deletions(run: Run) -> None:
    async with run.db.acquire() as connection:
        gone = await people.list_unpublished_deletions(connection, run.lease.account_id)
    if not gone:
        return
    await run.engine.bus.publish(
        *(
            PersonRemoved(
                user_id=run.lease.user_id, account_id=run.lease.account_id, resource_name=name, revision=revision
            )
            for name, revision in gone.items()
        )
    )
    await reached("sync.people.removals_published")
    async with run.step() as step:
        await people.mark_people_published(step.connection, run.lease.account_id, gone)
        step.count(Tally(removed=len(gone)))
