"""The users' settings, each with a version that grows with every change."""

from typing import Any

from libs.common.db import Connection
from libs.common.ids import UserId
from libs.common.preferences import Preferences
from libs.common.requests import UserPreferences


async def get_preferences(connection: Connection, user_id: UserId) -> UserPreferences | None:
    """The user's settings; version 0 with the defaults where none were ever saved; None where there is no such user."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(p.version, 0) AS version, p.preferences
        FROM users u LEFT JOIN preferences p ON p.user_id = u.id WHERE u.id = $1
        """,
        user_id,
    )
    return _preferences(row["version"], row["preferences"]) if row else None


def _preferences(version: int, stored: Any) -> UserPreferences:
    return UserPreferences(version=version, preferences=Preferences.model_validate(stored or {}))


async def upsert_preferences(connection: Connection, user_id: UserId, version: int, preferences: Preferences) -> None:
    """What a newer version has stored beside these fields stays."""
    await connection.execute(
        """
        INSERT INTO preferences (user_id, version, preferences) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, preferences = preferences.preferences || (
            SELECT jsonb_object_agg(name, coalesce(preferences.preferences -> name, '{}') || fields)
            FROM jsonb_each(excluded.preferences) AS changed (name, fields))
        """,
        user_id,
        version,
        preferences.model_dump(mode="json"),
    )
