"""Each kind of fault, at a fifth of all requests of a first import: in the end everything is there, once.

One mailbox per kind, all of them imported at the same time. PINGCRM_PROOF_MESSAGES: how many messages each has (`make proof`: 5,000).

Two kinds can't be distinguished from the truth while they happen. To a 404 the message is gone; to failedPrecondition (a hundred
times in a row, or for good) Gmail does not give it out. Neither may stop the import, and neither may be the last word: the
daily audit sees that Gmail lists what is not recorded, and fetches it. So these are compared after an audit.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import get_args

import pytest
import pytest_asyncio

from libs.common.ids import UserId, new_id
from libs.google_sim.faults import Kind, Rule
from libs.google_sim.oracle import expect
from libs.google_sim.sample import generate_mailbox
from libs.local.secrets import Secrets
from tests.support.mail_stage import Mailbox, MailStage, hastened, mail_stage
from tests.support.mailbox_model import difference, timelines
from tests.support.servers import Servers

pytestmark = [pytest.mark.asyncio(loop_scope="session")]
__all__ = ["hastened"]

MESSAGES = int(os.environ.get("PINGCRM_PROOF_MESSAGES", "200"))
LIMIT_SECONDS = 60 + MESSAGES / 5
SHARE = 0.2
SEED = 26  # with it every script hits one of its first five calls: a small import makes few whole requests
CLIENT_TIMEOUT_SECONDS = 1.0
REQUESTS = "^/batch|list|Profile|sendAs"
SCRIPTS: dict[str, Rule] = {
    **{kind: Rule("gmail", kind, SHARE) for kind in get_args(Kind) if kind not in ("lost_send", "404")},
    "latency": Rule("gmail", "latency", SHARE, milliseconds=50),
    # Of whole requests: a batch takes as long as its slowest part, and waits as long as the most patient one asks for.
    "timeout": Rule(REQUESTS, "latency", SHARE, milliseconds=1_200),
    "retry_after": Rule(REQUESTS, "retry_after", SHARE, seconds=1),
    "404": Rule("messages.get|threads.get", "404", SHARE),
}
HEALED_BY_AUDIT = ("404", "400precondition")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(servers: Servers, secrets: Secrets, hastened: None) -> AsyncIterator[MailStage]:
    async with mail_stage(servers, secrets, google_timeout_seconds=CLIENT_TIMEOUT_SECONDS) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def imported(stage: MailStage) -> dict[str, Mailbox]:
    """A mailbox for each kind of fault, imported to the end while that fault was on."""
    mailboxes = {}
    for kind, rule in SCRIPTS.items():
        rule.account = f"{kind}@work.example"
        data = generate_mailbox(rule.account, MESSAGES, seed=7, now=datetime.now(UTC))
        mailboxes[kind] = stage.open_mailbox(UserId(new_id()), data)
    stage.google.world.faults.set(list(SCRIPTS.values()), SEED)
    await asyncio.gather(*(stage.connect(mailbox) for mailbox in mailboxes.values()))
    await stage.quiet(LIMIT_SECONDS)
    stage.google.world.faults.set([], 0)
    await stage.pool.execute("ANALYZE")  # the comparison's plans, made for small tables, would take minutes
    return mailboxes


@pytest.mark.timeout(60 + LIMIT_SECONDS)
@pytest.mark.parametrize("kind", SCRIPTS)
async def test_an_import_among_faults_ends_with_everything_that_gmail_holds(
    stage: MailStage, imported: dict[str, Mailbox], kind: str
) -> None:
    mailbox = imported[kind]
    assert SCRIPTS[kind].hits > 0
    run = await stage.last_run(mailbox)
    assert (run["state"], run["code"], run["error"]) == ("completed", "", "")
    if kind in HEALED_BY_AUDIT:
        await stage.audit(mailbox)
        await stage.quiet()
    snapshot, now = mailbox.account.snapshot(), datetime.now(UTC)
    shown = await stage.timelines(mailbox.user_id)
    assert difference(shown, timelines([snapshot], now, hashes={})) == []
    assert await stage.doubled(mailbox.user_id) == []
    oracle = expect([snapshot], now)
    ledger = Counter((await stage.ledger(mailbox)).values())
    assert (ledger["recorded"], ledger["set_aside"]) == (oracle.messages, oracle.set_aside) == (MESSAGES, 0)
    assert {frozenset({address}) for address in shown} == oracle.contact_addresses
    assert await stage.interactions(mailbox.user_id) == oracle.messages


async def test_an_account_revoked_in_the_middle_states_it_and_goes_on_when_it_is_back(stage: MailStage) -> None:
    data = generate_mailbox("revoked@work.example", 1_200, seed=7, now=datetime.now(UTC))
    mailbox = stage.open_mailbox(UserId(new_id()), data)
    stage.google.world.faults.set([Rule("gmail", "latency", milliseconds=400, account="revoked@work.example")], 0)
    await stage.connect(mailbox)
    async with asyncio.timeout(60):
        while not await stage.interactions(mailbox.user_id):
            await asyncio.sleep(0.01)
    stage.revoke(mailbox)
    await stage.quiet()
    run, kept = await stage.last_run(mailbox), await stage.interactions(mailbox.user_id)
    assert (run["state"], run["code"]) == ("failed", "reauth_required")
    assert "took back" in run["error"]
    assert 0 < kept < 1_200

    stage.google.world.faults.set([], 0)
    stage.google.world.counters.reset()
    await stage.connect(mailbox, again=True)
    await stage.quiet()
    assert (await stage.last_run(mailbox))["state"] == "completed"
    shown = await stage.timelines(mailbox.user_id)
    assert difference(shown, timelines([mailbox.account.snapshot()], datetime.now(UTC), hashes={})) == []
    fetched = stage.google.world.counters.methods["revoked@work.example"]
    again = fetched["gmail.users.messages.get"].requests + 2 * fetched["gmail.users.threads.get"].requests
    assert again <= 1_200 - kept, "what was read is not read again"
