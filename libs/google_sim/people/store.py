"""The contacts of one account, and what changed in them since when."""

from dataclasses import dataclass, field

from libs.google_sim.account import Resource


@dataclass(slots=True)
class Entry:
    """A person, or with `deleted` what is left of one. `changed`: the version that made it so."""

    person: Resource
    changed: int
    deleted: bool = False


@dataclass
class People:
    """Contacts by resource name; one without a usable name keeps a place of its own. `version` counts changes."""

    entries: dict[str, Entry] = field(default_factory=dict)
    version: int = 0
    oldest_version: int = 0

    def load(self, people: list[Resource]) -> None:
        """Take over a file's people as they are; of two with one resource name the last one counts."""
        for person in people:
            self.version += 1
            name = person.get("resourceName")
            key = name if isinstance(name, str) and name else f"#{self.version}"
            self.entries.pop(key, None)
            self.entries[key] = Entry(person, self.version)
        self.oldest_version = self.version

    def put(self, person: Resource) -> None:
        """Add a person, or replace the one with its resource name."""
        self.version += 1
        self.entries.pop(person["resourceName"], None)
        self.entries[person["resourceName"]] = Entry(person, self.version)

    def delete(self, name: str) -> None:
        """Delete a person; what is left tells clients so at their next sync. Raises KeyError where there is none."""
        if self.entries[name].deleted:
            raise KeyError(name)
        self.version += 1
        old = self.entries.pop(name).person
        known = old.get("metadata")
        metadata = {**known, "deleted": True} if isinstance(known, dict) else {"deleted": True}
        gone = {"resourceName": name, "etag": old.get("etag", "%0"), "metadata": metadata}
        self.entries[name] = Entry(gone, self.version, deleted=True)

    def expire_sync_tokens(self) -> None:
        self.version += 1
        self.oldest_version = self.version

    def present(self) -> list[Resource]:
        return [entry.person for entry in self.entries.values() if not entry.deleted]
