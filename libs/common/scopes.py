"""Google's permissions: which there are, and what each turns on."""

IDENTITY = ("openid", "email", "profile")
GMAIL_READ = "https://www.googleapis.com/auth/gmail.readonly"
GMAIL_SEND = "https://www.googleapis.com/auth/gmail.send"
CALENDAR_READ = "https://www.googleapis.com/auth/calendar.readonly"
CONTACTS_READ = "https://www.googleapis.com/auth/contacts.readonly"

FEATURES: dict[str, str] = {
    GMAIL_READ: "mail on the timelines",
    GMAIL_SEND: "meeting prep emails",
    CALENDAR_READ: "meetings on the timelines and meeting prep emails",
    CONTACTS_READ: "names, phones and photos out of Google Contacts",
}
ALL = (*IDENTITY, *FEATURES)
NEEDED_BY_KIND = {"mail": GMAIL_READ, "calendar": CALENDAR_READ, "contacts": CONTACTS_READ}


def missing(granted: frozenset[str]) -> dict[str, str]:
    """Permissions that were not granted, each with what that turns off."""
    return {scope: feature for scope, feature in FEATURES.items() if scope not in granted}
