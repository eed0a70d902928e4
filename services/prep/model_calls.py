"""The way to the model: what was answered within a day is not sent again, what leaves is recorded first, and a day has its budget."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel

from libs.common.claude import Claude, NoAnswer, Written
from libs.common.db import Pool
from libs.common.model_prices import Usage
from services.prep.domain.dossier import Dossier
from services.prep.domain.prompt import given
from services.prep.store import model_calls
from services.prep.store.model_calls import Sent

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class RecordedClaude:
    """Claude for one brief. `budget_usd`: what all of its user's calls of a day may cost together."""

    claude: Claude
    db: Pool
    dossier: Dossier
    budget_usd: float

    async def write(self, *, system: str, prompt: str, shape: type[T]) -> Written[T]:
        """As Claude writes it, or wrote it to the same content within a day, which costs nothing. Raises NoAnswer."""
        if not self.claude.enabled:
            raise NoAnswer("no_key")
        meeting = self.dossier.meeting
        sent = self._sent(system, prompt, shape)
        async with self.db.acquire() as connection:
            answer = await model_calls.find_answer(connection, meeting.user_id, sent.content)
        if answer is not None:
            return Written(shape.model_validate(answer), Usage())
        async with self.db.acquire() as connection, connection.transaction():
            call_id = await model_calls.insert_call(connection, meeting, sent, self.budget_usd)
        if call_id is None:
            raise NoAnswer("over_budget")
        try:
            written = await self.claude.write(system=system, prompt=prompt, shape=shape)
        except NoAnswer as error:
            async with self.db.acquire() as connection:
                # Nobody knows what an answer took that did not come in time.
                spent = sent.most_usd if error.why == "timeout" else self.claude.spent_usd(error.usage)
                await model_calls.finish_call(connection, call_id, error.why, error.usage, spent, None)
            raise
        async with self.db.acquire() as connection:
            spent, answer = self.claude.spent_usd(written.usage), written.answer.model_dump(mode="json")
            await model_calls.finish_call(connection, call_id, "answered", written.usage, spent, answer)
        return written

    def _sent(self, system: str, prompt: str, shape: type[BaseModel]) -> Sent:
        schema = str(shape.model_json_schema())
        content = "\0".join((self.claude.host, self.claude.model, system, prompt, schema))
        shown = given(self.dossier)
        return Sent(
            host=self.claude.host,
            model=self.claude.model,
            content=sha256(content.encode()).hexdigest(),
            characters=len(system) + len(prompt),
            guests=len(self.dossier.people),
            interactions=shown.interactions,
            bios=shown.bios,
            most_usd=self.claude.most_usd(len(system) + len(prompt) + len(schema)),
        )
