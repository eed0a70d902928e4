"""Ten calls of the HTTP API by a generated client: PINGCRM_TOKEN=pcrm_… python api_client.py (scopes read, write and account)

pip install openapi-python-client
openapi-python-client generate --path openapi.json --config api_client.yaml --meta none --output-path pingcrm_client
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from pingcrm_client import AuthenticatedClient
from pingcrm_client.api.contacts import (
    add_interaction,
    create_contact,
    delete_contact,
    list_contacts,
    list_interactions,
    show_contact,
    update_contact,
)
from pingcrm_client.api.me import export_me, show_me
from pingcrm_client.api.meetings import list_meetings
from pingcrm_client.models import ContactBody, NewContact, NewContactBios, NewInteraction, Problem

T = TypeVar("T")


def done(response: T | Problem | None) -> T:
    """The response, where it is none that refuses: that one's sentence says why, and ends the program."""
    if isinstance(response, Problem):
        raise SystemExit(f"{response.status} {response.type_}: {response.detail}")
    assert response is not None
    return response


def main(client: AuthenticatedClient) -> None:
    me = done(show_me.sync(client=client))
    print(f"{me.address or me.name} may {', '.join(me.scopes or ())}")

    bios = NewContactBios.from_dict({"linkedin": "Wrote the first program."})
    ada = NewContact(name="Ada Lovelace", tags=["generated"], bios=bios)
    # Sent again with the same key, after a lost connection, she is still made once.
    contact = done(create_contact.sync(client=client, body=ada, idempotency_key=str(uuid4())))
    done(update_contact.sync(contact.id, client=client, body=ContactBody(company="Analytical Engines")))
    note = NewInteraction(title="On the engine", occurred_at=datetime.now(UTC))
    done(add_interaction.sync(contact.id, client=client, body=note))

    shown = done(show_contact.sync(contact.id, client=client))
    print(f"{shown.name}, {shown.company}: {shown.relationship.label}. {shown.relationship_text}")
    for line in done(list_interactions.sync(contact.id, client=client, limit=20)).items:
        print(f"  {line.occurred_at:%Y-%m-%d} {line.platform}: {line.title}")
    page = done(list_contacts.sync(client=client, tag="generated", sort="name"))
    print(f"{len(page.items)} with the tag, {'and more' if page.next_cursor else 'and no more'}")
    for meeting in done(list_meetings.sync(client=client)).items:
        print(f"  {meeting.starts_at} {meeting.title}")

    archive = done(export_me.sync(client=client)).payload.read()
    Path("pingcrm.zip").write_bytes(archive)
    print(f"pingcrm.zip: {len(archive)} bytes")
    refused = delete_contact.sync(contact.id, client=client)
    print("deleted" if refused is None else done(refused))


if __name__ == "__main__":
    url = os.environ.get("PINGCRM_URL", "http://127.0.0.1:8025")
    with AuthenticatedClient(url, os.environ["PINGCRM_TOKEN"], raise_on_unexpected_status=True) as signed_in:
        main(signed_in)
