"""What a message says, as a timeline shows it: snippet and subject made plain, short, and safe to store."""

import html
import re
import unicodedata

from libs.common.addresses import decode_words
from libs.common.resources.reading import storable

MAX_LENGTH = 500
_MAX_INPUT = 8_000
_VIRAMA = 9  # the combining class of the marks that tie two consonants of an Indic script together
_LONGEST_CLUSTER = 64  # beyond it, it is no character of any script: cut hard

# Padding that mailers put after a preview: invisible characters, alone or in runs with spaces between them.
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_RUN = re.compile(rf"[\s{_INVISIBLE}]{{2,}}")
_PADDING = re.compile(rf"[{_INVISIBLE}]")
_LONE_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Where the quoted mail begins. Each alternative is bounded, so that hostile text costs linear time.
_ATTRIBUTIONS = (
    r"On\b[^\n]{0,12}\d[^\n]{0,200}?\bwrote\s?:",
    r"On (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[^\n]{0,200}?\bwrote\s?:",
    r"Am\b[^\n]{0,20}\d[^\n]{0,200}?\bschrieb\b[^\n:]{0,120}:",
    r"Le\b[^\n]{0,20}\d[^\n]{0,200}?\ba écrit\s?:",
    r"El\b[^\n]{0,20}\d[^\n]{0,200}?\bescribió\s?:",
    r"Il\b[^\n]{0,20}\d[^\n]{0,200}?\bha scritto\s?:",
    r"Em\b[^\n]{0,20}\d[^\n]{0,200}?\bescreveu\s?:",
    r"Op\b[^\n]{0,20}\d[^\n]{0,200}?\bschreef\b[^\n:]{0,120}:",
    r"Den\b[^\n]{0,20}\d[^\n]{0,200}?\bskrev\b[^\n:]{0,120}:",
    r"(?:W dniu|Dnia)\b[^\n]{0,20}\d[^\n]{0,200}?\bnapisał\(?a?\)?\s?:",
    r"\d[^\n]{0,80}(?:пишет|написал)\(?а?\)?\s?:",
    r"\d{4}年[^\n]{0,120}?(?:写道|寫道|書きました)\s?[:：]",
)
_OUTLOOK = (
    r"-{2,}\s?(?:Original Message|Original Appointment|Ursprüngliche Nachricht|Message d'origine|Mensaje original"
    r"|Messaggio originale|Mensagem original|Oorspronkelijk bericht|Opprinnelig melding|Reply message)\s?-{2,}",
    r"_{8,}\s*(?=From:|Von:|De\s?:|Da:|Van:)",
    r"From:[^\n]{1,200}?\bSent:",
    r"Von:[^\n]{1,200}?\bGesendet:",
    r"De\s?:[^\n]{1,200}?\b(?:Envoyé|Enviado(?: el)?|Enviada em)\s?:",
    r"Da:[^\n]{1,200}?\b(?:Inviato|Data)\s?:",
    r"Van:[^\n]{1,200}?\bVerzonden:",
)
_QUOTE = re.compile(rf"(?:^|(?<=\s))(?:{'|'.join((*_ATTRIBUTIONS, *_OUTLOOK))})|(?:^|(?<=\n))>")
# In a snippet, line ends have become spaces: a signature mark counts after the end of a sentence, before a name.
_SIGNATURE = re.compile(r"(?:^|(?<=\n)|(?<=[.!?…,)] ))--(?: ?\n| (?=[^\W\d_a-zà-þ])| ?$)")


def plain_snippet(snippet: str) -> str:
    """Gmail's snippet: unescaped once, padding, quoted reply and signature gone, at most 500 characters."""
    text = _CONTROLS.sub(" ", storable(html.unescape(snippet[:_MAX_INPUT])))
    text = _LONE_INVISIBLE.sub("", _RUN.sub(lambda run: " " if _PADDING.search(run[0]) else run[0], text))
    if quoted := _QUOTE.search(text):
        text = text[: quoted.start()]
    if signature := _SIGNATURE.search(text):
        text = text[: signature.start()]
    return shortened(" ".join(text.split()))


def plain_subject(header: str) -> str:
    """A Subject header decoded, at most 500 characters."""
    return shortened(storable(decode_words(header[:_MAX_INPUT])))


def shortened(text: str, limit: int = MAX_LENGTH) -> str:
    """At most `limit` characters, cut between what people see as characters (accents, emoji sequences and flags stay whole)."""
    if len(text) <= limit:
        return text
    cut = limit
    while cut > max(0, limit - _LONGEST_CLUSTER) and _joined(text, cut):
        cut -= 1
    return text[: cut if not _joined(text, cut) else limit].rstrip()


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after `at` belong to one that people see."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before == "\u200d" or after in "\u200d\u200c" or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        run = at
        while run > 0 and at - run < _LONGEST_CLUSTER and _is_flag_half(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return False


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
