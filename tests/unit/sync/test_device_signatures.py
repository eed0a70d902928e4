"""What devices and programs put under a mail, in every language and with every name of the table; and what invisible padding goes."""

import html

import pytest

from services.sync.domain.reply_words import DEVICES
from services.sync.domain.text import MAX_LENGTH, plain_snippet, plain_subject, shortened
from tests.support.golden import GOLDEN

SIGNATURES = {
    "en": ["Sent from my iPhone", "Sent via Outlook", "Sent with Superhuman", "Sent using Spark", "Get Outlook for Android"],
    "de": [
        "Von meinem iPhone gesendet", "Von meiner Samsung aus gesendet", "Gesendet von meinem iPad", "Gesendet mit der GMX Mail App",
        "Gesendet über Outlook", "Outlook für Android beziehen", "Outlook für iOS herunterladen", "Holen Sie sich Outlook für iOS",
    ],
    "fr": [
        "Envoyé de mon iPhone", "Envoyé depuis ma Samsung", "Envoyé à partir de Outlook", "Envoyé avec Proton Mail",
        "Télécharger Outlook pour iOS", "Obtenez Outlook pour Android", "Obtenir Outlook pour iOS",
    ],
    "es": ["Enviado desde mi iPhone", "Enviado desde Outlook", "Obtener Outlook para Android"],
    "pt": [
        "Enviado do meu iPhone", "Enviado da minha Samsung", "Enviado de Outlook", "Enviado via iPhone", "Enviado a partir do Outlook",
        "Obter o Outlook para Android",
    ],
    "it": [
        "Inviato da iPhone", "Inviato dal mio iPhone", "Inviato con Spark", "Scarica Outlook per Android", "Ottieni Outlook per iOS",
    ],
    "nl": [
        "Verstuurd vanaf mijn iPhone", "Verzonden via Outlook", "Verzonden met Proton Mail", "Verzonden van mijn Samsung",
        "Outlook voor Android downloaden", "Outlook voor iOS ophalen", "Download Outlook voor Android",
    ],
    "sv": ["Skickat från min iPhone", "Skickat från mitt Samsung", "Skickat från Outlook", "Hämta Outlook för Android"],
    "no": [
        "Sendt fra min iPhone", "Sendt fra mitt Samsung", "Få Outlook for Android", "Skaff deg Outlook for iOS", "Hent Outlook for iOS",
    ],
    "da": ["Få Outlook til Android", "Hent Outlook til iOS"],
    "fi": ["Lähetetty iPhonesta", "Hanki Outlook iOS"],
    "pl": [
        "Wysłane z iPhone'a", "Wysłano z mojego iPhone", "Wysłany za pomocą Outlook", "Wysłane przy użyciu mojej Samsung",
        "Pobierz aplikację Outlook dla iOS", "Pobierz Outlook na Android",
    ],
    "cs": [
        "Odesláno z iPhonu", "Odesláno z mého iPhonu", "Odesláno z mé Samsung", "Odoslané z iPhonu", "Odoslané z môjho iPhonu",
        "Získat Outlook pro Android",
    ],
    "ru": ["Отправлено с iPhone", "Отправлено из мобильной Почты Mail.ru", "Отправлено от моего iPhone"],
    "uk": [
        "Надіслано з iPhone", "Надіслано із мого iPhone", "Надіслано від iPhone", "Відправлено з iPhone", "Відправлено із мого iPhone",
    ],
    "bg": ["Изпратено от iPhone", "Изпратено от моя iPhone"],
    "tr": [
        "iPhone'umdan gönderildi", "Samsung’ımdan gönderildi", "iPad'imdan gönderildi", "Outlook'dan gönderildi", "Outlookden gönderildi",
        "Outlook'tan gönderildi", "Galaxy’ten gönderildi", "Android için Outlook'u edinin", "iOS için Outlook’u edinin",
    ],
    "hu": [
        "Az iPhone-omról küldve", "iPhone-ról küldve", "iPad-ről küldve", "Az iPad-emről küldve", "iOS-ómról küldve", "iPhone-mről küldve",
        "Az Samsungmról küldve", "Elküldve a iPhone", "Elküldve az Outlook", "Elküldve iPhone",
    ],
    "el": ["Στάλθηκε από το iPhone μου", "Εστάλη από την Samsung", "Στάλθηκε από iPhone"],
    "ro": ["Trimis de pe iPhone", "Trimis din Outlook", "Trimis cu Outlook"],
    "hr": ["Poslano s iPhone", "Poslano s mog iPhone"],
    "vi": ["Đã gửi từ iPhone"],
    "id": ["Dikirim dari iPhone"],
    "ja": ["iPhoneから送信", "iPad から送信"],
    "zh": [
        "发自我的iPhone", "发自我的 iPhone", "发送自 Outlook", "从我的 iPhone 发送", "從我的 iPhone 傳送", "寄自我的 iPhone", "发自 iPad",
    ],
    "ko": ["나의 iPhone에서 보냄", "내 iPhone에서 보냄", "iPhone 에서 보냄"],
    "ar": ["أُرسلت من الـ iPhone", "مُرسل من iPhone", "مرسل من الiPhone", "تم الإرسال من iPhone"],
    "he": ["נשלח מה-iPhone שלי", "נשלח מ-iPhone", "נשלח מהiPhone"],
}  # fmt: skip


@pytest.mark.parametrize("language", SIGNATURES)
def test_every_signature_of_a_language_goes(language: str) -> None:
    for signature in SIGNATURES[language]:
        for end in ("", ".", "!", "  "):
            assert plain_snippet(html.escape(f"Yes! {signature}{end}")) == "Yes!", signature


def test_every_device_of_the_table_signs() -> None:
    (line,) = [line for line in (GOLDEN / "reply_words.txt").read_text().splitlines() if line.startswith("devices: ")]
    names = line.removeprefix("devices: ").split("|")
    assert sorted(names) == sorted(DEVICES)
    for name in names:
        assert plain_snippet(f"Yes! Sent from my {name}") == "Yes!", name


@pytest.mark.parametrize(
    "signature",
    [
        "Sent from my Samsung Galaxy smartphone", "Sent from my Nokia tablet", "Sent from Proton Mail secure email",
        "Sent from the Yahoo Mail app", "Sent from my T-Mobile iPhone", "Sent from my Samsung mobile", "Sent from my old but good iPad",
    ],
)  # fmt: skip
def test_a_device_may_be_described(signature: str) -> None:
    assert plain_snippet(f"Yes! {signature}") == "Yes!"


@pytest.mark.parametrize(
    "text",
    [
        "Sent from my heart", "Sent from my iPhone as I walked home", "I was sent from my iPhone shop", "Consent from my iPhone? no",
        "Sent from my very own but old iPhone", "Get Outlook for free", "Von meinem Garten gesendet", "发自内心",
    ],
)  # fmt: skip
def test_what_names_no_device_is_no_signature(text: str) -> None:
    assert plain_snippet(f"Yes! {text}") == f"Yes! {text}"


def test_a_signature_is_looked_for_at_the_end_only() -> None:
    signature = "Sent from my iPhone"
    for spaces, shown in ((120 - len(signature), "Yes!"), (121 - len(signature), f"Yes! {signature}")):
        assert plain_snippet(f"Yes! {signature}{' ' * spaces}") == shown


PADDING = [
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x202A, 0x202E,
    0x2060, 0x2064, 0x206A, 0x206F, 0x3164, 0xFEFF, 0xFFA0,
]  # fmt: skip
INSIDE_WORDS = [0xAD, 0x34F, 0x180E, 0x200B, 0x200E, 0x200F, 0x2028, 0x202A, 0x202E, 0x2060, 0x2064, 0xFEFF]


@pytest.mark.parametrize("code", PADDING)
def test_invisible_padding_goes(code: int) -> None:
    invisible = chr(code)
    assert plain_snippet(f"See you {invisible} {invisible} {invisible} at 8") == "See you at 8"
    alone = plain_snippet(f"See{invisible}you")
    assert alone == ("Seeyou" if code in INSIDE_WORDS else f"See{invisible}you")


@pytest.mark.parametrize(
    ("snippet", "shown"),
    [
        ("Größe XXL ist da", "Größe XXL ist da"),
        ("a\x00b\x08c\x0bd\x1fe\x7ff\x9fg", "ab c d e f g"),
        ("caf\u00e9\u00a0", "café"),
        ("Yes.\n--\nJane", "Yes."),
        ("Yes. -- Jane", "Yes."),
        ("Yes! -- Jane", "Yes!"),
        ("Yes -- Jane", "Yes -- Jane"),
        ("Yes. -- jane", "Yes. -- jane"),
        ("Yes. -- Émile", "Yes."),
        ("Yes. -- émile", "Yes. -- émile"),
        ("Yes. -- ", "Yes."),
        ("Yes, -- 5", "Yes, -- 5"),
        ("-- Jane", ""),
        ("Sent from my iPhone", ""),
        ("é\n\n&gt; quoted", "é"),
        ("é" * 499 + " é", "é" * 499),
        ("a" * 2_001, "a" * 500),
        (" " * 1_999 + "ab", "a"),
        ("&lt;" * 501, "<" * 500),
    ],
)
def test_the_borders_of_a_snippet(snippet: str, shown: str) -> None:
    assert plain_snippet(snippet) == shown


def test_a_signature_that_begins_too_early_is_none() -> None:
    signature = "Get Outlook for Android"
    for spaces, shown in ((120 - len(signature), "Yes!"), (121 - len(signature), f"Yes! {signature}")):
        assert plain_snippet(f"Yes! {signature}{' ' * spaces}") == shown


def test_the_borders_of_a_subject() -> None:
    assert plain_subject(" " * 7_999 + "ab") == "a"
    assert plain_subject("a" * 501) == "a" * 500
    assert plain_subject("NUL\x00 in it") == "NUL in it"
    assert MAX_LENGTH == 500


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("abc", 3, "abc"), ("abcd", 3, "abc"), ("ab  cd", 3, "ab"), ("ab ", 3, "ab "),
        ("abe\u0301", 3, "ab"), ("a👍🏽b", 2, "a"), ("a👍🏽b", 3, "a👍🏽"),
        ("🇸🇪🇩🇪", 3, "🇸🇪"), ("🇸🇪🇩🇪", 2, "🇸🇪"), ("🇸🇪🇩🇪🇫🇷", 5, "🇸🇪🇩🇪"), ("x🇸🇪🇩🇪", 2, "x"), ("x🇸🇪🇩🇪", 3, "x🇸🇪"),
        ("क्षx", 1, ""), ("क्षx", 2, ""), ("क्षx", 3, "क्ष"), ("a\u200d👧x", 2, ""), ("ab\u200cc", 2, "a"), ("a\u20ddbc", 1, ""),
        ("का b", 1, ""), ("🏴\U000e0067\U000e007fx", 2, ""), ("🏴\U000e0067\U000e007fx", 3, "🏴\U000e0067\U000e007f"), ("ab", 0, ""),
        ("x" + "\u0301" * 63 + "y", 63, ""), ("ax" + "\u0301" * 64, 65, "a"), ("x" + "\u0301" * 100, 65, "x" + "\u0301" * 64),
        ("x" + "\u0301" * 100, 80, "x" + "\u0301" * 79), ("a\U0001f3fbb", 1, ""), ("a\U0001f3ffb", 1, ""), ("a\U0001f3fab", 1, "a"),
        ("a\U0001f400b", 1, "a"), ("a\U000e0020b", 1, ""), ("a\U000e001fb", 1, "a"), ("a\U000e0080b", 1, "a"),
        ("\U0001f1e6\U0001f1ff", 1, ""),
        ("\U0001f1e5\U0001f1ff", 1, "\U0001f1e5"), ("\U0001f1e6\U0001f200", 1, "\U0001f1e6"),
    ],
)  # fmt: skip
def test_text_is_cut_between_what_people_see(text: str, limit: int, cut: str) -> None:
    assert shortened(text, limit) == cut
