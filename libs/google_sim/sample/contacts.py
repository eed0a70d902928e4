"""The sample's Google contacts: most correspondents, and the odd entries that every address book has."""

import hashlib
from collections.abc import Iterator

import phonenumbers

from libs.google_sim.account import Resource
from libs.google_sim.sample.people import MAYA, PEOPLE, PERSONAL, WORK, Home, Person


def contacts(home: Home) -> list[Resource]:
    """The person resources of one account."""
    known = [_of_person(person) for person in PEOPLE if person.home == home]
    return [*known, *(_personal_only() if home == "personal" else _work_only())]


def _of_person(person: Person) -> Resource:
    return contact(
        person.name,
        emails=[address for address in (person.address, person.second) if address],
        phones=[person.phone] if person.phone else [],
        company=person.company,
        title=person.title,
        birthday=person.birthday,
        photo=person.closeness >= 3,
    )


def _personal_only() -> Iterator[Resource]:
    yield contact("Farmor Elsa", phones=["08-661 20 41"], birthday="--12-24")
    yield contact("Rörmokare Johan", phones=["070-174 06 88"], company="Söders Rör")
    yield contact("Dr. Söderberg (tandläkare)", phones=["08-555 010 12"])
    yield contact("山田 花子", phones=["+81 3-3571-0000"], birthday="1985-04-03")
    yield contact("Amara Okafor", emails=["amara@okafor-daughters.example"], phones=["+44 7700 900417"])
    yield contact("", emails=["kundservice@elbolaget.example"])
    yield contact("Nina J.", emails=["Nina.Johansson@telemail.example"], urls=["https://nina-johansson.example"])
    yield contact("", company="Taxi Stockholm", phones=["+46 8 15 00 00"])
    yield contact(MAYA, emails=[PERSONAL, WORK], phones=["+46 70 174 06 50"])
    yield contact("", photo=True)


def _work_only() -> Iterator[Resource]:
    yield contact("Studio reception", phones=["+46 8 555 010 00"], company="Lindqvist Studio")
    yield contact("Courier desk", phones=["+46 8 555 010 40"], company="Cykelbudet")
    yield contact("Amara Okafor", phones=["+44 7700 900 417"], company="Okafor & Daughters", title="Partner")
    yield contact(
        "Bernd Schäfer", emails=["schaefer@bücherhaus.example"], phones=["+49 30 901821"], company="Bücherhaus"
    )
    yield contact("Lucía Ortega", emails=["lucia.ortega@tipografia.example"], title="Lecturer")
    yield contact("Amir Hosseini", emails=["amir@tehranposter.example"], phones=["+98 912 345 6789"])
    yield contact("Kofi Mensah", emails=["kofi@accraprint.example"], phones=["+233 24 123 4567"], company="Accra Print")
    yield contact("장미란", emails=["miran.jang@seoulbook.example"], company="서울북", birthday="1991-10-02")


def contact(
    name: str,
    *,
    emails: list[str] | None = None,
    phones: list[str] | None = None,
    company: str = "",
    title: str = "",
    birthday: str = "",
    photo: bool = False,
    urls: list[str] | None = None,
) -> Resource:
    """One person resource; the first of several values is primary. Empty arguments leave their field out."""
    seed = f"{name} {emails} {phones} {company}"
    number = int(hashlib.sha256(seed.encode()).hexdigest()[:15], 16)
    source = {"type": "CONTACT", "id": f"{number:x}"}
    given, _, family = name.rpartition(" ")
    fields: dict[str, list[Resource]] = {
        "names": [
            {
                "displayName": name,
                "unstructuredName": name,
                "givenName": given or family,
                **({"familyName": family} if given else {}),
            }
        ]
        if name
        else [],
        "emailAddresses": [{"value": value} for value in emails or []],
        "phoneNumbers": [_phone(value) for value in phones or []],
        "organizations": [{field: value for field, value in (("name", company), ("title", title)) if value}]
        if company or title
        else [],
        "birthdays": [_birthday(birthday)] if birthday else [],
        "photos": [{"url": f"https://lh3.googleusercontent.com/contacts/{number:x}=s100"}] if photo else [],
        "urls": [{"value": value} for value in urls or []],
    }
    person: Resource = {
        "resourceName": f"people/c{number + 10**18}",
        "etag": f"%{number:x}",
        "metadata": {"sources": [source], "objectType": "PERSON"},
    }
    for field, entries in fields.items():
        for position, entry in enumerate(entries):
            entry["metadata"] = {**({"primary": True} if position == 0 else {}), "source": source}
        if entries:
            person[field] = entries
    return person


def _phone(written: str) -> Resource:
    """Google adds the canonical form where the country can be known."""
    try:
        parsed = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return {"value": written}
    return {
        "value": written,
        "canonicalForm": phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        "type": "mobile",
    }


def _birthday(written: str) -> Resource:
    year, month, day = written.rsplit("-", 2)
    date = {"month": int(month), "day": int(day)}
    return {"date": {"year": int(year), **date} if year.isdecimal() else date}
