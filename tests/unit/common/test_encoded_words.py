"""Encoded words of headers (RFC 2047), right and wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.encoded_words import MAX_DECODED, decode_words
from tests.support.strategies import hostile_forms


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("=?iso-8859-1?q?J=F6rg_M=FCller?=", "Jörg Müller"),
        ("=?utf-8?b?5bGx55Sw?=", "山田"),
        ("=?UTF-8?B?w6k?=", "é"),  # without its padding
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),  # the space between two encoded words is none
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?omre=C5?=\r\n =?utf-8?q?=BEje?=", "omrežje"),  # a character in two words
        ("=?utf-8?b?5bE=?= =?utf-8?b?seeUsA==?=", "山田"),
        ("=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
        ("=?iso-8859-1*sv?Q?D=F6rte?=", "Dörte"),  # RFC 2231 names the language
        ("=?ISO-8859-1?Q?Maril=F9?= Gioffré ♥", "Marilù Gioffré ♥"),  # unencoded text beside it
        ("=?utf-8?q?Hans Martin?=", "Hans Martin"),
        ("=?iso-8859-1?Q?J\u00fcrgen?= =?utf-8?q?_M\u00fcller?=", "Jürgen Müller"),  # not encoded inside the word
        ("=?utf-8?b?é?=", "=?utf-8?b?é?="),
        ("=?utf-8?q?who?me?=", "who?me"),
        ("Re:=?utf-8?q?_caf=C3=A9?=!", "Re: café!"),
        ("=?gb2312?B?1uyJRg==?=", "朱塅"),  # GBK under the name of its part
        ("=?iso-8859-1?q?=93hi=94_=80?=", "“hi” €"),  # Windows-1252 under the name of its part
        ("=?ks_c_5601-1987?B?sei2sQ==?=", "김떡"),
        ("=?shift_jis?B?h0CHVA==?=", "①Ⅰ"),
        ("=?us-ascii?q?caf=C3=A9?=", "café"),
        ("=?iso-8859-1?q?caf=C3=A9?=", "café"),  # UTF-8 under a wrong name
        ("=?utf-8?q?tj=E4nst?=", "tjänst"),  # Windows-1252 under the name of UTF-8
        ("=?x-nonsense?q?caf=C3=A9?=", "café"),
        ("=?unknown-8bit?q?caf=E9?=", "café"),
        ("=?hex?q?6a?=", "6a"),  # a codec, and none of text
        ("=?idna?q?xn--bcher-kva?=", "xn--bcher-kva"),
        ("=?utf-8?b?broken", "=?utf-8?b?broken"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=??q?a?=", "=??q?a?="),
        ("a\x00b\tc", "a b c"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a non-joiner between two parts of a Persian word
        ("=?utf-8?b?2YXbjOKAjNiu2YjYp9mH2YU=?=", "می\u200cخواهم"),
        ("👨\u200d💻 ❤️\u200d🔥 👩🏽\u200d🚀", "👨\u200d💻 ❤️\u200d🔥 👩🏽\u200d🚀"),
        ("ශ්\u200dරී", "ශ්\u200dරී"),
        ("\u200cJo\u200dhn \u200c", "John"),  # where nothing is to be joined it is padding
        ("می\u200c\u200d\u200cخواهم", "می\u200cخواهم"),
        ("a\u200bb\u2060c\ufeff", "a b c"),
        ("a\ud800b", "a?b"),  # half of a character is none
        ("a =?utf-8?b??= b", "a b"),  # an empty word
        ("=?utf-8?q?=c3=A9?=", "é"),
        ("=?utf-8?q?a?= =?utf-8?b?!!!?= =?utf-8?q?b?=", "a =?utf-8?b?!!!?= b"),
        ("=?utf-8?b?!!!?= =?utf-8?q?a?= =?utf-8?q?b?=", "=?utf-8?b?!!!?= ab"),
        ("=?utf-8?q?a?= =?koi8-r?q?=C2?= =?koi8-r?q?=C3?= =?utf-8?q?b?=", "aбцb"),
        ("=?iso-8859-1?q?Łódź?=", "?ód?"),  # letters that the charset of the word has not
        ("=?iso-8859-1?q?é?=", "é"),
        ("=?koi8-r?q?Привет?=", "Привет"),
        ("=?utf-16-le?b?YQA=?=", "a"),
        ("=?utf-8?b? w6k= ?=", "é"),
        ("=?utf-8?q?=FF=C3?=", "ÿÃ"),
        ("=?utf-8?q?=81?= a", "a"),  # 81 is none of Windows-1252 either, and a control character of Latin-1
        ("=?euc-kr?q?=FF?=", "\ufffd"),
        ("=?koi8-r?q?=3D=?=", "=="),
        ("=?utf-8?b?aGVsbG9X?=", "helloW"),
        ("=?utf-8?b?aGVsbG8hMQ?=", "hello!1"),
        ("=?iso-8859-1?q?=81a?=", "a"),
        ("=?utf-8?q?a_b=5Fc?=", "a b_c"),
        ("=?" + "x" * 40 + "?q?=C3=A9?=", "é"),
        ("=?" + "x" * 41 + "?q?a?=", "=?" + "x" * 41 + "?q?a?="),
        ("=?utf-8*" + "x" * 20 + "?q?a?=", "a"),
        ("=?utf-8*" + "x" * 21 + "?q?a?=", "=?utf-8*" + "x" * 21 + "?q?a?="),
    ],
)
def test_encoded_words_are_decoded_as_they_are_meant(written: str, read: str) -> None:
    assert decode_words(written) == read


@pytest.mark.parametrize(
    ("label", "raw", "meant"),
    [
        ("us-ascii", b"\x93hi\x94 \x80", "“hi” €"),
        ("ISO-8859-1", b"\x96 \x80", "– €"),
        ("latin1", b"\x85", "…"),
        ("iso-8859-9", b"\x80 \xfd\xde", "€ ıŞ"),
        ("iso-8859-11", b"\x80 \xa1", "€ ก"),
        ("tis-620", b"\x80 \xa1", "€ ก"),
        ("windows-874", b"\x80 \xa1", "€ ก"),
        ("gb2312", bytes.fromhex("9439fc36"), "😀"),
        ("gbk", bytes.fromhex("9439fc36"), "😀"),
        ("x-gbk", bytes.fromhex("9439fc36"), "😀"),
        ("shift_jis", bytes.fromhex("8740"), "①"),
        ("x-sjis", bytes.fromhex("8740"), "①"),
        ("euc-kr", bytes.fromhex("b6b1 8c63".replace(" ", "")), "떡똠"),
        ("ks_c_5601-1987", bytes.fromhex("8c63"), "똠"),
        ("big5", bytes.fromhex("f9d6"), "碁"),
        ("cp-850", b"\x94 \x9b", "ö ø"),
        ("iso-8859-8-i", b"\xf9\xec\xe5\xed", "שלום"),
        ("x-mac-roman", b"\x8e\x8a", "éä"),
        ("koi8-r", b"\xf0\xd2\xc9", "При"),
        ("windows-1251", b"\xcf\xf0\xe8", "При"),
        ("utf8mb4", "é–".encode(), "é–"),
        ("utf8mb4", b"\xe9\x96", "é–"),
        ("x-unknown", b"\xe9\x96", "é–"),
        ("unknown-8bit", b"\xe9\x96", "é–"),
        ("punycode", b"bcher-kva", "bcher-kva"),
        ("unicode-escape", b"\\u0041", "\\u0041"),
        ("raw-unicode-escape", b"\\u0041", "\\u0041"),
        ("undefined", b"caf\xe9", "café"),
        ("rot13", b"uryyb", "uryyb"),
    ],
)
def test_a_label_stands_for_the_charset_that_its_senders_mean(label: str, raw: bytes, meant: str) -> None:
    encoded = "".join(f"={byte:02X}" for byte in raw)
    assert decode_words(f"=?{label}?Q?{encoded}?=") == meant


def test_words_are_decoded_as_far_as_anybody_reads() -> None:
    word = "=?utf-8?q?a?="
    for before, ending in ((MAX_DECODED - len(word), "a"), (MAX_DECODED - len(word) + 1, word)):
        assert decode_words("x" * before + word) == "x" * before + ending
    assert MAX_DECODED == 100_000


@pytest.mark.parametrize(
    "code", [0, 9, 0x1F, 0x7F, 0x9F, 0x200B, 0x200E, 0x200F, 0x2028, 0x202E, 0x2060, 0x2064, 0xFEFF]
)
def test_what_nobody_sees_is_a_space(code: int) -> None:
    assert decode_words(f"a{chr(code)}b") == "a b"
    assert decode_words(f"=?utf-8?q?a?= {chr(code)} b") == "a b"


@given(st.text(max_size=40), st.sampled_from(["utf-8", "utf-16-be", "gb18030", "cp1252", "koi8-r", "shift_jis"]))
def test_what_can_be_encoded_is_read_back(text: str, charset: str) -> None:
    try:
        raw = text.encode(charset)
    except UnicodeError:
        return
    words = " ".join(
        f"=?{charset}?Q?{''.join(f'={byte:02X}' for byte in raw[at : at + 9])}?=" for at in range(0, len(raw), 9)
    )
    if charset in ("cp1252", "shift_jis") and not raw.isascii():
        return  # what is valid UTF-8 by chance is read so; Windows has more in it
    assert decode_words(words) == decode_words(text)


@given(
    st.lists(
        st.sampled_from(
            ["=?", "?=", "utf-8", "?q?", "?b?", "=C3", "=A9", "_", " ", "é", "\x00", "gb2312", "*sv", "5bGx"]
        )
        | hostile_forms(50),
        max_size=30,
    )
)
def test_nothing_makes_decoding_raise(pieces: list[str]) -> None:
    decoded = decode_words("".join(pieces))
    assert "\x00" not in decoded
    decoded.encode("utf-8")
