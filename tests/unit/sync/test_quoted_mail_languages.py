"""Every language of the table of reply words: an introduction, a block of headers and a mark as mail programs write them, and prose.

The examples are written by hand, without an address where the language has a verb of its own, so that its words are what tells.
The words themselves are those of tests/golden/reply_words.txt, not of the table: a word that the table loses is missed.
"""

import html
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from services.sync.domain.reply_words import DEVICES, REPLY_WORDS
from services.sync.domain.text import plain_snippet
from tests.support.golden import GOLDEN, assert_golden

OPENINGS = ("Sounds good, see you there.", "Ja!", "了解しました。")
LEFT_TO_RIGHT_MARK = "\u200e"  # never in a snippet that was cleaned
QUOTED = " Are you coming on the 5th? It starts at 8:30"


class Example(NamedTuple):
    """`prose` has the same words and is nobody's quotation."""

    introduction: str
    headers: str
    mark: str
    prose: str


def block(sender: str, sent: str, date: str) -> str:
    return f"{sender}: Jane Doe <jane@x.org> {sent}: {date} 17:00"


EXAMPLES = {
    "en": Example("On Tue, 3 Jan 2023 at 17:00, Jane Doe wrote:", block("From", "Sent", "Tuesday, January 3, 2023"),
                  "---------- Forwarded message ---------", "On page 3 of 2023 Jane wrote: profits are up"),
    "de": Example("Am 03.01.2023 um 17:00 schrieb Jane Doe:", block("Von", "Gesendet", "Dienstag, 3. Januar 2023"),
                  "-----Ursprüngliche Nachricht-----", "Am Montag schrieb Jane: bitte komm"),
    "fr": Example("Le 03/01/2023 à 17:00, Jane Doe a écrit :", block("De ", "Envoyé ", "mardi 3 janvier 2023"),
                  "---------- Message transféré ---------", "Jane a écrit : merci de venir"),
    "es": Example("El 3/1/2023 17:00, Jane Doe escribió:", block("De", "Enviado el", "martes, 3 de enero de 2023"),
                  "-----Mensaje original-----", "El lunes Jane escribió: no puedo ir"),
    "pt": Example("Em 3/1/2023 17:00, Jane Doe escreveu:", block("De", "Enviada em", "terça-feira, 3 de janeiro de 2023"),
                  "-----Mensagem original-----", "Em 2023 ela escreveu: um livro"),
    "it": Example("Il 03/01/2023 17:00, Jane Doe ha scritto:", block("Da", "Inviato", "martedì 3 gennaio 2023"),
                  "-----Messaggio originale-----", "Il presidente ha scritto: grazie a tutti"),
    "nl": Example("Op 03-01-2023 om 17:00 schreef Jane Doe:", block("Van", "Verzonden", "dinsdag 3 januari 2023"),
                  "-----Oorspronkelijk bericht-----", "Op maandag schreef Jane: kom je"),
    "sv": Example("Den 2023-01-03 kl. 17:00, skrev Jane Doe:", block("Från", "Skickat", "den 3 januari 2023"),
                  "-----Ursprungligt meddelande-----", "Den 3 maj skrev Jane: kom hit"),
    "no": Example("Den 03.01.2023 17:00, skrev Jane Doe:", block("Fra", "Sendt", "3. januar 2023"),
                  "-----Opprinnelig melding-----", "På mandag skrev Jane: kom hit"),
    "da": Example("Den tirs. 3. jan. 2023 kl. 17.00 skrev Jane Doe:", block("Fra", "Sendt", "3. januar 2023"),
                  "-----Oprindelig meddelelse-----", "I går skrev Jane: kom her"),
    "fi": Example("3.1.2023 klo 17.00 Jane Doe kirjoitti:", block("Lähettäjä", "Lähetetty", "tiistai 3. tammikuuta 2023"),
                  "-----Alkuperäinen viesti-----", "Jane kirjoitti: tule tänne"),
    "pl": Example("W dniu 03.01.2023 o 17:00, Jane Doe pisze:", block("Od", "Wysłano", "wtorek, 3 stycznia 2023"),
                  "-----Wiadomość oryginalna-----", "W dniu urodzin Jane napisała: przyjdź"),
    "cs": Example("Dne 03. 01. 23 v 17:00 Jane Doe napsal(a):", block("Od", "Odesláno", "úterý 3. ledna 2023"),
                  "---------- Původní zpráva ----------", "Včera Jane napsala: přijď"),
    "ru": Example("03.01.2023 17:00, Jane Doe пишет:", block("От", "Отправлено", "3 января 2023 г."),
                  "-------- Пересылаемое сообщение --------", "Вчера Джейн написала: приходи"),
    "uk": Example("вт, 3 січ. 2023 р. о 17:00 Jane Doe пише:", block("Від", "Надіслано", "3 січня 2023 р."),
                  "---------- Переслане повідомлення ----------", "Вчора Джейн пише: приходь"),
    "bg": Example("На 3.01.2023 г. в 17:00, Jane Doe написа:", block("От", "Изпратено", "3 януари 2023 г."),
                  "-----Оригинално съобщение-----", "Вчера Джейн написа: ела"),
    "tr": Example("Jane Doe <jane@x.org>, 3 Oca 2023 Sal, 17:00 tarihinde şunu yazdı:", block("Kimden", "Gönderildi", "3 Ocak 2023 Salı"),
                  "-----Özgün İleti-----", "Dün Jane şunu yazdı: gel"),
    "hu": Example("2023. 01. 03. 17:00 keltezéssel, Jane Doe írta:", block("Feladó", "Elküldve", "2023. január 3."),
                  "-----Eredeti üzenet-----", "Tegnap Jane ezt írta: gyere"),
    "el": Example("Στις 3/1/2023 17:00, Jane Doe έγραψε:", block("Από", "Στάλθηκε", "Τρίτη, 3 Ιανουαρίου 2023"),
                  "-----Αρχικό μήνυμα-----", "Χθες η Τζέιν έγραψε: έλα"),
    "ro": Example("Pe 3 ian. 2023, la 17:00, Jane Doe a scris:", block("De la", "Trimis", "marți, 3 ianuarie 2023"),
                  "-----Mesaj original-----", "Ieri Jane a scris: vino"),
    "ca": Example("El dia 3 de gener de 2023 17:00, Jane Doe ha escrit:", block("De", "Enviat el", "dimarts, 3 de gener de 2023"),
                  "-----Missatge original-----", "Ahir Jane va escriure: vine"),
    "is": Example("Þann 3.1.2023 17:00, skrifaði Jane Doe:", block("Frá", "Sent", "þriðjudagur, 3. janúar 2023"),
                  "-----Upprunaleg skilaboð-----", "Í gær skrifaði Jane: komdu"),
    "hr": Example("Dana 3. 1. 2023. u 17:00 Jane Doe je napisao/la:", block("Od", "Poslano", "utorak, 3. siječnja 2023."),
                  "-----Izvorna poruka-----", "Jučer je Jane napisala: dođi"),
    "et": Example("Kuupäev 3.01.2023 17:00 kirjutas Jane Doe:", block("Saatja", "Saadetud", "teisipäev, 3. jaanuar 2023"),
                  "-----Algne kiri-----", "Eile kirjutas Jane: tule"),
    "lt": Example("2023-01-03 17:00, Jane Doe rašė:", block("Nuo", "Išsiųsta", "2023 m. sausio 3 d."),
                  "-----Pradinis pranešimas-----", "Vakar Jane rašė: ateik"),
    "lv": Example("otrd., 3.01.2023, plkst. 17:00 Jane Doe rakstīja:",
                  block("No", "Nosūtīts", "otrdiena, 2023. gada 3. janvāris"),
                  "-----Sākotnējais ziņojums-----", "Vakar Jane rakstīja: nāc"),
    "vi": Example("Vào Th 3, 3 thg 1, 2023 vào lúc 17:00 Jane Doe đã viết:", block("Từ", "Đã gửi", "03 Tháng Giêng 2023"),
                  "-----Thư gốc-----", "Hôm qua Jane đã viết: đến nhé"),
    "id": Example("Pada tanggal Sel, 3 Jan 2023 pukul 17.00 Jane Doe menulis:", block("Dari", "Dikirim", "Selasa, 3 Januari 2023"),
                  "-----Pesan asli-----", "Kemarin Jane menulis: datanglah"),
    "ja": Example("2023/01/03 17:00、Jane Doeのメール:", block("差出人", "送信日時", "2023年1月3日"),
                  "-----元のメッセージ-----", "昨日 Jane は書きました: 明日行きます"),
    "zh": Example("在 2023-01-03 17:00，Jane Doe 写道：", block("发件人", "发送时间", "2023年1月3日"),
                  "------------------ 原始邮件 ------------------", "昨天 Jane 写道：今天很好"),
    "ko": Example("2023. 1. 3. 오후 5:00, Jane Doe님이 작성:", block("보낸 사람", "보낸 날짜", "2023년 1월 3일 화요일"),
                  "-----원본 메시지-----", "어제 Jane님이 작성: 오세요"),
    "ar": Example("في ثلاثاء، 3 يناير 2023 في 17:00 تمت كتابة ما يلي بواسطة Jane Doe:", block("من", "تاريخ الإرسال", "3 يناير 2023"),
                  "-----الرسالة الأصلية-----", "أمس كتبت Jane: تعال"),
    "fa": Example("در تاریخ 2023/1/3 17:00، Jane Doe نوشت:", block("از", "تاریخ", "3 ژانویه 2023"),
                  "-----پیام اصلی-----", "دیروز Jane نوشت: بیا"),
    "he": Example("בתאריך 3.1.2023 בשעה 17:00, מאת Jane Doe:", block("מאת", "נשלח", "יום שלישי 3 ינואר 2023"),
                  "-----הודעה מקורית-----", "אתמול Jane כתבה: בואי"),
    "th": Example("เมื่อ อ. 3 ม.ค. 2023 17:00 Jane Doe เขียนว่า:", block("จาก", "ส่ง", "3 มกราคม 2023"),
                  "-----ข้อความต้นฉบับ-----", "เมื่อวาน Jane เขียนว่า: มานะ"),
    "hi": Example("मंगल, 3 जन॰ 2023 को 5:00 pm बजे Jane Doe ने लिखा:", block("प्रेषक", "भेजा गया", "3 जनवरी 2023"),
                  "-----मूल संदेश-----", "कल Jane ने लिखा: आओ"),
}  # fmt: skip


def test_every_language_has_an_example() -> None:
    assert EXAMPLES.keys() == REPLY_WORDS.keys()


@pytest.mark.parametrize("language", EXAMPLES)
def test_what_introduces_a_quotation_ends_what_its_author_wrote(language: str) -> None:
    example = EXAMPLES[language]
    for opening in OPENINGS:
        for start in example[:3]:
            assert plain_snippet(html.escape(f"{opening} {start}{QUOTED}")) == opening, start


@pytest.mark.parametrize("language", EXAMPLES)
def test_prose_with_the_same_words_is_left_as_it_is(language: str) -> None:
    for opening in OPENINGS:
        prose = f"{opening} {EXAMPLES[language].prose}"
        assert plain_snippet(html.escape(prose)) == prose


REPLY_WORDS_FILE = "reply_words.txt"


def golden_words() -> dict[tuple[str, str], list[str]]:
    """By language and field, as the golden file has them."""
    lines = [line.partition(": ") for line in (GOLDEN / REPLY_WORDS_FILE).read_text().splitlines()]
    return {(name.split()[0], name.split()[-1]): words.split("|") for name, _, words in lines}


def alternatives(language: str, field: str) -> list[str]:
    return golden_words().get((language, field), [])


def test_the_table_has_every_word_of_every_language() -> None:
    rows = [
        f"{language} {field}: {words}"
        for language, row in REPLY_WORDS.items()
        for field, words in row._asdict().items()
        if words
    ]
    assert_golden(REPLY_WORDS_FILE, "".join(f"{row}\n" for row in [*rows, f"devices: {'|'.join(DEVICES)}"]))


def written(language: str) -> Iterator[str]:
    """What every single word of the language introduces."""
    leads = alternatives(language, "lead") or [""]
    for lead in leads:
        for verb in alternatives(language, "wrote"):
            yield f"{lead} 3.1.2023 17:00, Jane Doe {verb}:".lstrip()
        for verb in alternatives(language, "wrote_by"):
            yield f"{lead} 3.1.2023 17:00, {verb} Jane Doe:".lstrip()
    for sender in alternatives(language, "sender"):
        for sent in alternatives(language, "sent"):
            yield block(sender, sent, "3.1.2023")
    for marker in alternatives(language, "marker"):
        yield f"-----{marker}-----"
        yield f"---------- {marker} ---------"


def named_days(language: str) -> Iterator[str]:
    """Introductions without a time of day: that they name a weekday is what tells."""
    for day in alternatives(language, "days"):
        yield f"{day}, 3.1.2023, Jane Doe wrote:"
        yield f"{day}. 3.1.2023, Jane Doe wrote:"


def unwritten(language: str) -> Iterator[str]:
    """The same words where nothing tells that somebody else wrote what follows."""
    for verb in (*alternatives(language, "wrote"), *alternatives(language, "wrote_by")):
        yield f"Jane {verb}: please come, it begins soon".replace(LEFT_TO_RIGHT_MARK, "")
    for marker in alternatives(language, "marker"):
        yield f"The {marker} was lost - send it again"
    for sender in alternatives(language, "sender"):
        yield f"{sender}: Berlin, where the trains are late and nobody minds"


@pytest.mark.parametrize("language", REPLY_WORDS)
def test_every_word_of_the_table_marks_a_quotation(language: str) -> None:
    for start in written(language):
        assert plain_snippet(html.escape(f"Yes! {start}{QUOTED}")) == "Yes!", start


@pytest.mark.parametrize("language", REPLY_WORDS)
def test_no_word_of_the_table_marks_a_quotation_by_itself(language: str) -> None:
    for prose in unwritten(language):
        assert plain_snippet(html.escape(prose)) == prose


@pytest.mark.parametrize("language", REPLY_WORDS)
def test_every_weekday_of_the_table_belongs_to_the_date(language: str) -> None:
    for start in named_days(language):
        assert plain_snippet(html.escape(f"Yes! {start}{QUOTED}")) == "Yes!", start


MONTHS = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "january", "february", "march", "april",
    "june", "july", "august", "september", "october", "november", "december",
]  # fmt: skip


@pytest.mark.parametrize("month", MONTHS)
def test_an_english_month_may_stand_before_the_day(month: str) -> None:
    for written_as in (month, month.capitalize(), f"{month.upper()}."):
        assert plain_snippet(f"Yes! On {written_as} 3, 2023 17:00, Jane Doe wrote:{QUOTED}") == "Yes!"
        assert plain_snippet(f"Yes! On {written_as} 3, Jane Doe wrote: &gt; Are you coming?") == "Yes!"


PARTICLES = [
    "von", "van", "der", "den", "de", "del", "della", "di", "da", "do", "dos", "du", "la", "le", "el", "al", "bin", "ibn", "of", "via",
    "from", "от", "odesílatel", "osoba", "oseba", "hat", "heeft", "het", "volgende", "tarihinde", "keltezéssel",
]  # fmt: skip


@pytest.mark.parametrize("particle", [*PARTICLES, *map(str.capitalize, PARTICLES)])
def test_a_name_goes_on_before_its_particles(particle: str) -> None:
    assert plain_snippet(f"Yes! Juan {particle} Cruz &lt;jane@x.org&gt; wrote:{QUOTED}") == "Yes!"


@pytest.mark.parametrize("particle", [*PARTICLES, "χρήστης"])
def test_words_in_small_letters_may_belong_to_a_name(particle: str) -> None:
    assert plain_snippet(f"Yes! On 3.1.2023 17:00, {particle} Cruz wrote:{QUOTED}") == "Yes!"


@pytest.mark.parametrize(
    "abbreviation", ["p.m.", "a.m.", "μ.μ.", "π.μ.", "kl.", "klo", "klokken", "godz.", "ore", "г.", "h"]
)
def test_what_belongs_to_a_time_of_day_is_no_prose(abbreviation: str) -> None:
    assert plain_snippet(f"Yes! On 3.1.2023 5:00 {abbreviation} Jane Doe wrote:{QUOTED}") == "Yes!"


@pytest.mark.parametrize("word", ["when", "and", "noon"])
def test_other_words_in_small_letters_are_prose(word: str) -> None:
    prose = f"Yes! On 3.1.2023 5:00 {word} Jane Doe wrote:{QUOTED}"
    assert plain_snippet(prose) == prose
