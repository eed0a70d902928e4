"""A change of settings, and how it is undone: only what it changed, and only where nobody has changed it again since. Pure."""

from pydantic import BaseModel, JsonValue

from libs.common.preferences import Preferences
from services.gateway.domain.preferences import merged


class FieldChange(BaseModel):
    """One setting, before and after, as it is in JSON."""

    group: str
    name: str
    before: JsonValue
    after: JsonValue


class SettingsChange(BaseModel):
    """All that one form changed. `section` is the part of the page that it belongs to."""

    section: str
    fields: tuple[FieldChange, ...]


def settings_change(section: str, before: Preferences, after: Preferences) -> SettingsChange:
    """What is another than before."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return SettingsChange(
        section=section,
        fields=tuple(
            FieldChange(group=group, name=name, before=old[group][name], after=value)
            for group, values in new.items()
            for name, value in values.items()
            if value != old[group][name]
        ),
    )


def undone(now: Preferences, change: SettingsChange) -> Preferences:
    """The settings with each field that still is as the change left it as it was before."""
    current = now.model_dump(mode="json")
    former: dict[str, dict[str, JsonValue]] = {}
    for field in change.fields:
        if current[field.group][field.name] == field.after:
            former.setdefault(field.group, {})[field.name] = field.before
    return Preferences.model_validate(merged(current, former))
