"""Google notified through a channel that a calendar has changed."""

from libs.common.errors import not_found
from libs.common.requests import Done, NotifyCalendar
from services.sync.calendar.channels import token_hash
from services.sync.context import Context
from services.sync.domain.runs import RunRequest
from services.sync.store import channels


async def sync_notified_calendar(context: Context, command: NotifyCalendar) -> Done:
    """A run of the account's calendars, what has changed alone. Refused: `not_found`, also where the token is another one."""
    async with context.db.acquire() as connection:
        account_id = await channels.get_account_id(connection, command.channel_id, token_hash(command.channel_token))
        if account_id is None:
            raise not_found("channel")
        await context.queue.enqueue(connection, [RunRequest(account_id, "calendar", "push")])
    return Done()
