"""Google Takeout's `X-Gmail-Labels`, which are names in the user's language, as Gmail's label ids."""

from email.errors import HeaderParseError
from email.header import decode_header, make_header

_SYSTEM = {
    "INBOX": ("inbox", "posteingang", "inkorg", "boîte de réception", "recibidos", "受信トレイ"),
    "SENT": ("sent", "gesendet", "skickat", "messages envoyés", "enviados", "送信済み"),
    "DRAFT": ("drafts", "draft", "entwürfe", "utkast", "brouillons", "borradores", "下書き"),
    "SPAM": ("spam", "skräppost", "迷惑メール"),
    "TRASH": ("trash", "bin", "papierkorb", "papperskorg", "papperskorgen", "corbeille", "papelera", "ゴミ箱"),
    "CHAT": ("chat", "chats", "chatt"),
    "STARRED": ("starred", "markiert", "stjärnmärkt", "suivis", "destacados", "スター付き"),
    "IMPORTANT": ("important", "wichtig", "viktigt", "importants", "importantes", "重要"),
    "UNREAD": ("unread", "ungelesen", "oläst", "non lus", "no leídos", "未読"),
    "CATEGORY_PERSONAL": ("category personal", "category primary"),
    "CATEGORY_UPDATES": ("category updates",),
    "CATEGORY_PROMOTIONS": ("category promotions",),
    "CATEGORY_SOCIAL": ("category social",),
    "CATEGORY_FORUMS": ("category forums",),
}
_ID_OF = {name: label for label, names in _SYSTEM.items() for name in names}
_NO_LABEL = {"opened", "archived", "geöffnet", "archiviert", "öppnat", "arkiverat", "ouvert", "archivé"}


def gmail_labels(written: str) -> list[str]:
    """Label ids in the order written; the user's own labels become `Label_<name>`, states that are none go.

    >>> gmail_labels("Sent,Opened,Friends")
    ['SENT', 'Label_Friends']
    """
    try:
        text = str(make_header(decode_header(written)))
    except (HeaderParseError, LookupError, ValueError):
        text = written
    names = (name.strip().strip('"') for name in text.split(","))
    wanted = (name for name in names if name and name.lower() not in _NO_LABEL)
    return list(dict.fromkeys(_ID_OF.get(name.lower(), f"Label_{name}") for name in wanted))
