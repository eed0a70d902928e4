"""Google Takeout's `X-Gmail-Labels`, which are names in the user's language, as Gmail's label ids. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path

_COLUMNS = (
    "INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "STARRED", "IMPORTANT", "UNREAD", "opened", "archived", "CHAT",
)  # fmt: skip
_STATES = {"opened", "archived"}  # which Gmail has no label for
_OF_FOLDERS = {"SENT", "DRAFT", "SPAM", "TRASH"}
_FLAGS = {"sent": "SENT", "draft": "DRAFT", "drafts": "DRAFT", "junk": "SPAM", "flagged": "STARRED"}
_LONGEST = 8_000  # characters of a header: decode_header takes quadratic time on encoded words that never close
_QUOTES = "\"'“”„«»‹›‘’「」『』"
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\ufeff"))
_CATEGORY_WORDS = (
    "category", "kategorie", "catégorie", "categoría", "categoria", "categorie", "kategori", "kategoria", "kategória",
    "kategorija", "luokka", "категория", "категорія", "категорија", "κατηγορία", "kategoriya", "カテゴリ", "카테고리",
    "类别", "類別", "فئة", "קטגוריה", "श्रेणी", "danh mục", "หมวดหมู่",
)  # fmt: skip
_CLOSING_QUOTE = re.compile(r'(?<!\\)"\s*(?=,|$)')
_CATEGORY = re.compile(rf"(?:{'|'.join(_CATEGORY_WORDS)})\s*(?P<colon>[:：]?)\s*(?P<name>\S.*)")
_CATEGORIES = {
    "CATEGORY_PROMOTIONS": (
        "promotions", "werbung", "promociones", "promoções", "promozioni", "reclame", "promoties", "reklam", "kampanjer",
        "oferty", "промоакции", "プロモーション", "프로모션", "推广", "促銷內容",
    ),
    "CATEGORY_SOCIAL": (
        "social", "soziale netzwerke", "soziales", "réseaux sociaux", "sociaal", "socialt", "społeczności", "соцсети",
        "ソーシャル", "소셜", "社交", "社交網路",
    ),
    "CATEGORY_UPDATES": (
        "updates", "benachrichtigungen", "neuigkeiten", "notifications", "mises à jour", "notificaciones", "atualizações",
        "aggiornamenti", "uppdateringar", "powiadomienia", "оповещения", "新着", "업데이트", "动态", "最新快訊",
    ),
    "CATEGORY_FORUMS": ("forums", "foren", "foros", "fóruns", "forum", "fora", "форумы", "フォーラム", "포럼", "论坛", "論壇"),
    "CATEGORY_PERSONAL": (
        "personal", "primary", "persönlich", "allgemein", "e-mails personnels", "personnel", "principale", "principal",
        "pessoal", "personale", "persoonlijk", "primair", "personligt", "primär", "osobiste", "główne", "личные",
        "個人", "メイン", "기본", "主要",
    ),
}  # fmt: skip


def _key(name: str) -> str:
    """A name for comparison: without case, quotes, invisible characters, and Gmail's IMAP prefix."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_ZERO_WIDTH)
    plain = re.sub(r"^\[(?:gmail|google mail)\]/", "", plain.strip())
    return " ".join(plain.replace("’", "'").split())


def _read_names() -> dict[str, str]:
    lines = (Path(__file__).parent / "label_names.txt").read_text(encoding="utf-8").splitlines()
    tables = (line.split("|")[1:] for line in lines if line and not line.startswith("#"))
    return {
        _key(name): label
        for table in tables
        for label, names in zip(_COLUMNS, table, strict=True)
        for name in names.split("/")
        if name
    }


_LABEL_OF = _read_names()
_CATEGORY_OF = {_key(name): label for label, names in _CATEGORIES.items() for name in names}


def gmail_labels(written: str) -> list[str]:
    """Label ids in the order written; the user's own labels become `Label_<name>`, states that are none go.

    >>> gmail_labels('Sent,Opened,"Friends, old"')
    ['SENT', 'Label_Friends, old']
    """
    written = written[:_LONGEST]
    try:
        text = str(make_header(decode_header(written)))
    except (HeaderParseError, LookupError, ValueError):
        text = written
    found = (_label(name) for name in _names(text))
    return list(dict.fromkeys(label for label in found if label and label not in _STATES))


def folder_label(name: str) -> str:
    """The label that a mail folder of that name stands for: SENT, DRAFT, SPAM or TRASH; "" for any other folder."""
    label = _LABEL_OF.get(_key(name), "")
    return label if label in _OF_FOLDERS else ""


def _names(text: str) -> Iterator[str]:
    """The names between commas; a name in quotes may have commas in it, quotes within a name are its own."""
    closings = [(match.start(), match.end()) for match in _CLOSING_QUOTE.finditer(text)]
    position = next_closing = 0
    while position < len(text):
        if text[position] in " \t\r\n,":
            position += 1
            continue
        while next_closing < len(closings) and closings[next_closing][0] <= position:
            next_closing += 1
        if text[position] == '"' and next_closing < len(closings):
            closing, after = closings[next_closing]
            name = text[position + 1 : closing].replace('""', '"').replace('\\"', '"')
        else:
            comma = text.find(",", position)
            after = len(text) if comma < 0 else comma
            name = text[position:after]
        yield name.strip()
        position = after


def _label(name: str) -> str:
    if name.startswith("\\"):  # a flag of IMAP, which some exports write for Gmail's own labels
        flag = name.lstrip("\\").casefold()
        return _FLAGS.get(flag) or _LABEL_OF.get(flag, "")
    key = _key(name)
    if label := _LABEL_OF.get(key):
        return label
    if category := _CATEGORY.fullmatch(key):
        label = _CATEGORY_OF.get(category["name"].strip(_QUOTES + " "), "")
        if label or category["colon"]:
            return label
    return f"Label_{name}"


def drafts_label(labels: list[list[str]], own: list[list[str]]) -> str:
    """The user label that is the drafts' in a language that `label_names.txt` lacks; "" where there is none.

    `labels`: of all messages of a Takeout file. `own`: of those that the account's owner wrote and that never arrived:
    each of them is sent mail or a draft, never both. The more frequent label that only they carry is that of sent mail.
    """
    if any(label in _LABEL_OF.values() and label not in ("SPAM", "CHAT") for carried in labels for label in carried):
        return ""  # the names are of a known language
    counts = Counter(label for carried in labels for label in carried)
    own_counts = Counter(label for carried in own for label in carried)
    only_own = [label for label, count in own_counts.most_common() if count == counts[label]]
    if not only_own:
        return ""
    sent = only_own[0]
    with_sent = {label for carried in own if sent in carried for label in carried}
    return next((label for label in only_own if label not in with_sent), "")
