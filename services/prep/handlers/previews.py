"""The brief as it would arrive."""

from datetime import UTC, datetime

from libs.common.requests import Brief, PreviewPrep
from services.prep.context import Context
from services.prep.gathering import gather
from services.prep.writing import write_brief

PREVIEW_TOKEN = "preview"  # noqa: S105 — stands where a sent brief has its reference


async def preview(context: Context, query: PreviewPrep) -> Brief:
    """The brief as it would be sent now. Takes as long as Claude does: up to 20 s."""
    gathered = await gather(context.bus, query.user_id, query.meeting_id)
    dossier, base_url = gathered.dossier, context.settings.base_url
    return await write_brief(context.claude_for(dossier), dossier, base_url, PREVIEW_TOKEN, datetime.now(UTC))
