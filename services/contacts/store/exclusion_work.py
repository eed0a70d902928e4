"""What is still there of somebody whom the user asked not to record, and its end."""

from collections.abc import Collection, Sequence

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.store.exclusions import StoredExclusion

# Whether the address `a` falls under the rule of this kind and value ($2, $3): domain/exclusions.py, `matching`. Never the user's own.
_EXCLUDED = """a.user_id = $1 AND NOT a.is_me AND CASE $2::text
    WHEN 'domain' THEN a.kind = 'email' AND (split_part(a.value, '@', 2) = $3 OR split_part(a.value, '@', 2) LIKE '%.' || $3)
    WHEN 'email' THEN a.kind = 'email' AND $3 IN (a.value, a.base)
    ELSE a.kind = $2 AND a.value = $3 END"""


def _rule(exclusion: StoredExclusion) -> tuple[UserId, str, str]:
    return exclusion.user_id, exclusion.kind, exclusion.value


async def bar_addresses(connection: Connection, exclusion: StoredExclusion) -> None:
    """Nothing makes a contact of these addresses any more, while what they are on is being removed."""
    await connection.execute(
        f"UPDATE addresses a SET barred = true WHERE {_EXCLUDED} AND contact_id IS NULL AND NOT barred",  # noqa: S608  (condition above)
        *_rule(exclusion),
    )


async def unbar_addresses(connection: Connection, exclusion: StoredExclusion) -> None:
    """The rule was taken back before everything was removed."""
    await connection.execute(
        f"UPDATE addresses a SET barred = false WHERE {_EXCLUDED} AND contact_id IS NULL AND barred",  # noqa: S608  (condition above)
        *_rule(exclusion),
    )


async def list_contacts_of(connection: Connection, exclusion: StoredExclusion, limit: int) -> list[ContactId]:
    """Some of the contacts that have such an address."""
    rows = await connection.fetch(
        f"SELECT DISTINCT contact_id FROM (SELECT contact_id FROM addresses a WHERE {_EXCLUDED} AND contact_id IS NOT NULL LIMIT $4) f",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    return [row["contact_id"] for row in rows]


async def list_addresses_of(
    connection: Connection, contact_ids: Collection[ContactId]
) -> dict[ContactId, dict[AddressId, tuple[str, str]]]:
    """Everything that identifies each of these contacts, as kind and canonical value; BCC hashes do not."""
    found: dict[ContactId, dict[AddressId, tuple[str, str]]] = {contact_id: {} for contact_id in contact_ids}
    for row in await connection.fetch(
        "SELECT id, contact_id, kind, value FROM addresses WHERE contact_id = ANY($1::uuid[]) AND kind <> 'bcc'",
        list(contact_ids),
    ):
        found[row["contact_id"]][row["id"]] = row["kind"], row["value"]
    return found


async def detach_addresses(connection: Connection, address_ids: Collection[AddressId]) -> None:
    """These addresses are no contact's, and make none."""
    await connection.execute(
        "UPDATE addresses SET contact_id = NULL, position = NULL, barred = true WHERE id = ANY($1::bigint[])",
        list(address_ids),
    )


async def forget_merges(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """After contacts lost addresses: whoever was merged into one and has none left is gone, and what lost its own can't be parted.

    So also among those who were merged away themselves since: what is theirs is what went along with them.
    """
    rows = await connection.fetch(
        """SELECT m.id, m.other_id,
               EXISTS (SELECT FROM addresses a WHERE a.contact_id = s.root AND a.kind <> 'bcc' AND a.id = ANY(m.address_ids)) AS other_left,
               EXISTS (SELECT FROM addresses a WHERE a.contact_id = s.root AND a.kind <> 'bcc'
                   AND (s.root = s.id OR EXISTS (
                       SELECT FROM merges away WHERE away.other_id = s.id AND away.undone_at IS NULL AND a.id = ANY(away.address_ids)))
                   AND NOT EXISTS (
                       SELECT FROM merges b WHERE b.survivor_id = s.id AND b.undone_at IS NULL AND a.id = ANY(b.address_ids))) AS own_left
           FROM (SELECT id, coalesce(merged_into, id) AS root FROM contacts WHERE id = ANY($1::uuid[]) OR merged_into = ANY($1::uuid[])) s
           JOIN merges m ON m.survivor_id = s.id AND m.undone_at IS NULL""",
        list(contact_ids),
    )
    gone = [row["other_id"] for row in rows if not row["other_left"]]
    stuck = [row["id"] for row in rows if row["other_left"] and not row["own_left"]]
    await connection.execute("DELETE FROM contacts WHERE id = ANY($1::uuid[])", gone)  # and their merges
    await connection.execute("DELETE FROM merges WHERE id = ANY($1::uuid[])", stuck)


async def clear_derived(
    connection: Connection, contact_ids: Collection[ContactId], lost: Collection[AddressId]
) -> None:
    """What those who were merged into these contacts had derived from lost addresses: what is left is derived anew where they come back.

    Until then they are called as one of their other addresses is; who went into another by itself never comes back.
    """
    await connection.execute(
        """UPDATE contacts c SET name = CASE WHEN 'name' = ANY(c.edited) THEN c.name ELSE coalesce((
                   SELECT coalesce(nullif(a.name, ''), a.shown) FROM addresses a
                   WHERE a.contact_id = c.merged_into AND a.kind <> 'bcc' AND a.id = ANY(m.address_ids)
                   ORDER BY a.name_rank DESC, a.id LIMIT 1), '') END,
               company = CASE WHEN 'company' = ANY(c.edited) THEN c.company ELSE '' END,
               title = CASE WHEN 'title' = ANY(c.edited) THEN c.title ELSE '' END,
               photo_url = CASE WHEN 'photo_url' = ANY(c.edited) THEN c.photo_url ELSE '' END,
               birthday = CASE WHEN 'birthday' = ANY(c.edited) THEN c.birthday ELSE '' END,
               urls = CASE WHEN 'urls' = ANY(c.edited) THEN c.urls ELSE '{}' END, phones = '{}', phone_keys = '{}',
               name_key = '', company_key = '', words_name = '', words_near = '', words_rest = ''
           FROM contacts o LEFT JOIN merges m ON m.other_id = o.id AND m.undone_at IS NULL
           WHERE c.id = o.id AND o.merged_into = ANY($1::uuid[]) AND (m.id IS NULL OR m.address_ids && $2::bigint[])""",
        list(contact_ids),
        list(lost),
    )
    await connection.execute(
        "DELETE FROM duplicate_keys d USING contacts c WHERE c.id = d.contact_id AND c.merged_into = ANY($1::uuid[])",
        list(contact_ids),
    )


async def list_interactions_of(connection: Connection, exclusion: StoredExclusion, limit: int) -> list[InteractionId]:
    """Some of the interactions that such an address is on."""
    rows = await connection.fetch(
        f"""SELECT DISTINCT interaction_id FROM (
                SELECT p.interaction_id FROM addresses a JOIN participants p ON p.address_id = a.id WHERE {_EXCLUDED} LIMIT $4) f""",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    return [row["interaction_id"] for row in rows]


async def delete_addresses(connection: Connection, exclusion: StoredExclusion, limit: int) -> int:
    """Some of these addresses, which are on nothing any more, with the names and bios that were learned with them; how many went."""
    rows = await connection.fetch(
        f"""DELETE FROM addresses d WHERE d.id = ANY(ARRAY(
                SELECT a.id FROM addresses a WHERE {_EXCLUDED} AND a.contact_id IS NULL
                AND NOT EXISTS (SELECT FROM participants p WHERE p.address_id = a.id) LIMIT $4)) RETURNING d.id, d.value""",  # noqa: S608  (condition above)
        *_rule(exclusion),
        limit,
    )
    await _forget(connection, exclusion.user_id, [row["id"] for row in rows], [row["value"] for row in rows])
    return len(rows)


async def delete_evidence(connection: Connection, exclusion: StoredExclusion) -> None:
    """What identities of others showed of whom the rule is about."""
    await connection.execute(
        r"""DELETE FROM identity_evidence e WHERE e.user_id = $1 AND CASE $2::text
               WHEN 'domain' THEN e.kind = 'email' AND (split_part(e.value, '@', 2) = $3 OR split_part(e.value, '@', 2) LIKE '%.' || $3)
               WHEN 'email' THEN e.kind = 'email' AND $3 IN (e.value, regexp_replace(e.value, '\+.*@', '@'))
               ELSE e.kind = $2 AND e.value = $3 END""",
        *_rule(exclusion),
    )


async def _forget(
    connection: Connection, user_id: UserId, address_ids: Sequence[AddressId], values: Sequence[str]
) -> None:
    """What else names these addresses."""
    await connection.execute(
        "DELETE FROM rechecks WHERE user_id = $1 AND address_id = ANY($2::bigint[])", user_id, list(address_ids)
    )
    await connection.execute(
        "DELETE FROM bcc_offers WHERE user_id = $1 AND address = ANY($2::text[])", user_id, list(values)
    )
