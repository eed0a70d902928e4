"""What a text asks, wants or promises, sentence by sentence. Pure.

Questions are found in every script, by their marks. Wants and promises are found by words: English ones, and such of a few other languages
as can mean nothing else. What is not certain is not found: a point that is wrong costs more than one that is missing.
"""

import re
import unicodedata
from collections.abc import Callable, Collection

from services.prep.domain.talking_points.phrases import (
    ABBREVIATION,
    ADDRESSED,
    DELIVERY,
    EVERYDAY_WORDS,
    NO_NAMES,
    NO_PROMISE,
    NO_WANT,
    PLEASANTRY,
    PROMISE,
    RECEIPT,
    SALUTATION,
    WANT,
)

# Of Latin, full width and small, Arabic, Armenian, Ethiopic, Greek (U+037E), doubled, reversed.
QUESTION_MARKS = frozenset("?？﹖؟՞፧\u037e⁇⁈⁉‽⸮")
_ENDS = frozenset("!…۔।॥") | QUESTION_MARKS
_ENDS_WITHOUT_BLANK = frozenset("。！？．｡")
_CLOSERS = "\"“'”’»›)]}」』）"
_QUOTATIONS = {'"': '"', "“": "”", "„": "“”", "«": "»"}
_LINK = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|<https?:)\S*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{4,}")
_NAME = re.compile(r"[^\W\d_]{2,}")
SHORT_WORDS = 5
FEWEST_WORDS_BEFORE = 3
ANYBODY = frozenset[str]()


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a line of text, each with its end; what is left at the end is one too, whether it was finished or cut."""
    return tuple(text[begin:end].strip() for begin, end in _spans(text))


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end, with the blanks around them."""
    found: list[tuple[int, int]] = []
    begin = at = 0
    while at < len(text):
        character, at = text[at], at + 1
        if not _ends(text, character, at):
            continue
        while at < len(text) and (text[at] in _CLOSERS or text[at] in _ENDS or text[at] in _ENDS_WITHOUT_BLANK):
            at += 1
        found.append((begin, at))
        begin = at
    found.append((begin, len(text)))
    return [(begin, end) for begin, end in found if text[begin:end].strip()]


def _ends(text: str, character: str, behind: int) -> bool:
    """Whether a sentence ends with this character; `behind` is the position after it."""
    if character in _ENDS_WITHOUT_BLANK:
        return True
    followed = text[behind : behind + 1]
    at_end = followed == "" or followed.isspace() or followed in _CLOSERS or followed in _ENDS
    if character in _ENDS:
        return at_end or character in "؟՞፧।۔" or (character in QUESTION_MARKS and not followed.isascii())
    if character == ";":
        return at_end and _is_greek(text[behind - 2 : behind - 1])
    return character == "." and at_end and not ABBREVIATION.search(text[max(0, behind - 12) : behind - 1])


def _is_greek(character: str) -> bool:
    return bool(character) and unicodedata.name(character, "").startswith("GREEK ")


def plain(sentence: str) -> str:
    """A sentence without the salutation before it."""
    return SALUTATION.sub("", sentence).strip()


def is_pleasantry(sentence: str) -> bool:
    """Whether it is only what people begin a letter with, or no more than a salutation."""
    words = plain(sentence).strip(" .!…。！" + "".join(QUESTION_MARKS) + _CLOSERS).removeprefix("¿")
    return not words or bool(PLEASANTRY.match(words))


def is_question(sentence: str) -> bool:
    """Whether it asks something: it ends as a question does, outside of quotations and asides, and is none of those that want no answer."""
    words = _LINK.sub(" ", sentence).rstrip()
    ending = words.rstrip(_CLOSERS + " !！")
    if not ending or not (
        ending[-1] in QUESTION_MARKS or "՞" in ending or (ending[-1] == ";" and _is_greek(ending[-2:-1]))
    ):
        return False
    behind = words[len(ending) :]
    if behind.strip(" !！)）") and any(opening in words[:-1] for opening in "\"“„«「『'‘"):
        return False  # somebody else's question, in quotation marks
    if _is_aside(ending, behind) or _goes_on_in_quotation_marks(words):
        return False
    letters = [character for character in ending if character.isalnum()]
    return len(letters) >= 4 and not is_pleasantry(ending)


def _is_aside(asked: str, behind: str) -> bool:
    """Whether what is asked stands in brackets behind something else: "it works (I think?)"."""
    return behind.lstrip().startswith((")", "）")) and not asked.startswith(("(", "（"))


def _goes_on_in_quotation_marks(sentence: str) -> bool:
    """Whether it begins with a quotation that it does not end."""
    endings = _QUOTATIONS.get(sentence[:1])
    return endings is not None and not any(mark in sentence[1:] for mark in endings)


def is_want(sentence: str) -> bool:
    """Whether it wants something done, without asking."""
    return bool(WANT.search(sentence)) and not NO_WANT.search(sentence) and not _is_quotation(sentence)


def is_promise(sentence: str) -> bool:
    """Whether its writer promises something, without conditions, which is not in this very mail."""
    return bool(PROMISE.search(plain(sentence))) and not NO_PROMISE.search(sentence) and not _is_quotation(sentence)


def _is_quotation(sentence: str) -> bool:
    return sentence.count('"') >= 2 or any(opening in sentence for opening in "“„«「『") or sentence.startswith(">")


def brings(text: str) -> bool:
    """Whether something comes with it, or came."""
    return bool(DELIVERY.search(text))


def has_received(text: str) -> bool:
    """Whether its writer has got something."""
    return bool(RECEIPT.search(text))


def shared_words(first: str, second: str) -> frozenset[str]:
    """The words that both have, but for such as are in every letter."""
    return _words(first) & _words(second)


def _words(text: str) -> frozenset[str]:
    return frozenset(
        word.removesuffix("s") for word in map(str.casefold, _WORD.findall(text)) if word not in EVERYDAY_WORDS
    )


def is_short(words: str) -> bool:
    """Whether nobody knows what they are about who does not know what was written before."""
    return len(words.split()) <= SHORT_WORDS and words.isascii()


def names_in(*called: str) -> frozenset[str]:
    """What somebody may be addressed by who is called so, in lower case."""
    return frozenset(word.casefold() for name in called for word in _NAME.findall(name.partition("@")[0]))


def is_meant(sentence: str, names: Collection[str]) -> bool:
    """Whether a sentence is meant for somebody with one of these names: it does not begin with another one's."""
    found = ADDRESSED.match(sentence)
    return not names or not found or not _are_others(found[1], names)


def is_letter_to(text: str, names: Collection[str]) -> bool:
    """Whether a text is meant for somebody with one of these names: it does not greet others alone."""
    greeting = SALUTATION.match(text)
    return not names or not greeting or not _are_others(text[greeting.end(1) : greeting.end()], names)


def _are_others(words: str, names: Collection[str]) -> bool:
    """Whether these words have names, and none of these. Whatever begins with a capital and is no everyday word is a name."""
    written = [word.casefold() for word in _NAME.findall(words) if word[0].isupper()]
    called = [word for word in written if word not in NO_NAMES]
    return bool(called) and not any(name in names for name in called)


def questions(text: str, names: Collection[str] = ANYBODY) -> tuple[str, ...]:
    """What a text asks of somebody with one of these names. A short question comes with the sentence before it."""
    if not is_letter_to(text, names):
        return ()
    return _in_context(text, lambda sentence: is_question(sentence) and is_meant(plain(sentence), names))


def wants(text: str, names: Collection[str] = ANYBODY) -> tuple[str, ...]:
    """What a text wants done by somebody with one of these names."""
    if not is_letter_to(text, names):
        return ()
    found = (plain(sentence) for sentence in sentences(text) if is_want(sentence))
    return tuple(sentence for sentence in found if is_meant(sentence, names))


def promises(text: str) -> tuple[str, ...]:
    """What the writer of a text promises. A short promise comes with the sentence before it."""
    return _in_context(text, is_promise)


def _in_context(text: str, is_sought: Callable[[str], bool]) -> tuple[str, ...]:
    """The sentences that are sought, a short one behind the sentence without which nobody knows what it is about."""
    found: list[str] = []
    before = ""
    for sentence in sentences(text):
        if is_sought(sentence):
            words = plain(sentence)
            found.append(f"{before} {words}" if is_short(words) and before and not is_sought(before) else words)
        is_context = not is_pleasantry(sentence) and len(sentence.split()) >= FEWEST_WORDS_BEFORE
        before = plain(sentence) if is_context or not sentence.isascii() else ""
    return tuple(found)


def gist(text: str) -> str:
    """A text without the salutation and the pleasantries around it: what it is about comes first."""
    meant = [(begin, end) for begin, end in _spans(text) if not is_pleasantry(text[begin:end])]
    return plain(text[meant[0][0] : meant[-1][1]].strip()) if meant else ""


def longest_run(text: str, is_left_out: Callable[[str], bool]) -> str:
    """The longest piece of a text without a sentence that is left out; nothing where there is no piece of more than a few words."""
    runs: list[tuple[int, int]] = []
    for begin, end in _spans(text):
        sentence = text[begin:end].strip()
        if is_left_out(sentence) or is_pleasantry(sentence):
            continue
        if runs and runs[-1][1] == begin:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((begin, end))
    longest = max((plain(text[begin:end].strip()) for begin, end in runs), key=len, default="")
    return "" if is_short(longest) else longest
