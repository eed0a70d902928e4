"""What stands above a quotation, as Gmail, Outlook, Apple Mail and others introduce it in many languages; and what is none."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.domain.quotes import without_quotes
from services.sync.domain.text import plain_snippet
from tests.support.strategies import hostile_forms

JANE = "Jane Doe <jane@x.org>"

INTRODUCTIONS = [
    # English
    f"On Tue, Jan 3, 2023 at 5:00 PM {JANE} wrote:",
    f"On Tue, 3 Jan 2023 at 17:00, {JANE} wrote:",
    f"On Tue, Jan 3, 2023, 5:00 PM {JANE} wrote:",
    f"On Jan 3, 2023, at 5:00 PM, {JANE} wrote:",
    "On 1/3/23 17:00, Jane Doe wrote:",
    "On 03/01/2023 17:00, Jane Doe wrote:",
    "On 2023-01-03 17:00, Jane Doe wrote:",
    "On Tue, 3 Jan 2023, Jane Doe wrote:",
    "On Tue, Jan 03, 2023 at 05:00:00PM +0100, Jane Doe wrote:",
    "On Tuesday, January 3, 2023 5:00:00 PM CET Jane Doe wrote:",
    "On Tuesday, January 3rd, 2023 at 5:00 PM, Jane Doe <jane@x.org> wrote:",
    "At 2023-01-03 17:00:00, \"Jane Doe\" <jane@x.org> wrote:",
    "At 05:00 PM 1/3/2023, Jane Doe wrote:",
    f"{JANE} wrote:",
    "\"Doe, Jane\" <jane@x.org> writes:",
    "Jane Doe <mailto:jane@x.org> wrote on Tue, 3 Jan 2023 17:00:",
    "On Tue, Jan 3, 2023 at 5:00 PM, jane@x.org wrote:",
    "On Tue, 3 Jan 2023 17:00:05 +0100, jane.o'doe+x@mail.x.org wrote:",
    "On 1/3/23 5:00 PM, jane@x.org wrote:",
    "On Tuesday, January 3, 2023 5:00 PM, \"jane@x.org\" wrote:",
    # Zoho
    "---- On Tue, 03 Jan 2023 17:00:05 +0100 Jane Doe <jane@x.org> wrote ----",
    "---- On Tue, 03 Jan 2023 17:00:05 +0530 Jane Doe<jane@x.org> wrote ---",
    "---- On Tue, 03 Jan 2023 17:00:05 +0100 jane@x.org wrote ----",
    "---- Le mar., 03 janv. 2023 17:00:05 +0100 Jane Doe <jane@x.org> a écrit ----",
    # German
    f"Am Di., 3. Jan. 2023 um 17:00 Uhr schrieb {JANE}:",
    f"Am Dienstag, 3. Januar 2023 um 17:00:00 MEZ hat {JANE} Folgendes geschrieben:",
    "Am 03.01.23 um 17:00 schrieb Jane Doe:",
    f"Am 03.01.2023 um 17:00 schrieb {JANE}:",
    "Am Dienstag, dem 03.01.2023 um 17:00 +0100 schrieb Jane Doe:",
    "Am Dienstag, 3. Januar 2023 17:00 hat Jane Doe geschrieben:",
    f"Am Di., 3. Jan. 2023 um 17:00 Uhr hat {JANE} geschrieben:",
    "Am 03.01.2023 um 17:00 schrieb jane@x.org:",
    # French
    f"Le mar. 3 janv. 2023 à 17:00, {JANE} a écrit :",
    f"Le 3 janv. 2023 à 17:00, {JANE} a écrit\u00a0:",
    "Le 03/01/2023 à 17:00, Jane Doe a écrit :",
    "Le mar. 3 janv. 2023 à 17:00, jane@x.org a écrit :",
    "Le mardi 3 janvier 2023, jane@x.org a écrit\u00a0:",
    # Spanish
    "El mar, 3 ene 2023 a las 17:00, Jane Doe (<jane@x.org>) escribió:",
    "El mar, 3 de ene. de 2023 a la(s) 17:00, Jane Doe (jane@x.org) escribió:",
    f"El 3 ene 2023, a las 17:00, {JANE} escribió:",
    # Portuguese
    f"Em ter., 3 de jan. de 2023 às 17:00, {JANE} escreveu:",
    f"{JANE} escreveu (terça, 3/01/2023 à(s) 17:00):",
    f"No dia 03/01/2023, às 17:00, {JANE} escreveu:",
    # Italian
    f"Il giorno mar 3 gen 2023 alle ore 17:00 {JANE} ha scritto:",
    "Il 03/01/2023 17:00, Jane Doe ha scritto:",
    # Dutch
    f"Op di 3 jan 2023 om 17:00 schreef {JANE}:",
    f"Op 3 jan. 2023, om 17:00 heeft {JANE} het volgende geschreven:",
    "Op 03-01-2023 om 17:00 schreef Jane Doe:",
    # Swedish, Norwegian, Danish
    f"Den tis 3 jan. 2023 kl 17:00 skrev {JANE}:",
    f"3 jan. 2023 kl. 17:00 skrev {JANE}:",
    "Den 2023-01-03 kl. 17:00, skrev Jane Doe:",
    f"tir. 3. jan. 2023 kl. 17:00 skrev {JANE}:",
    "Den 03.01.2023 17:00, skrev Jane Doe:",
    f"Den tir. 3. jan. 2023 kl. 17.00 skrev {JANE}:",
    # Finnish
    "ti 3. tammik. 2023 klo 17.00 Jane Doe (jane@x.org) kirjoitti:",
    "pe 6. tammik. 2023 klo 17.00 Jane Doe (jane@x.org) kirjoitti:",
    f"{JANE} kirjoitti 3.1.2023 kello 17.00:",
    # Polish, Czech, Slovak
    f"wt., 3 sty 2023 o 17:00 {JANE} napisał(a):",
    "W dniu 03.01.2023 o 17:00, Jane Doe pisze:",
    f"út 3. 1. 2023 v 17:00 odesílatel {JANE} napsal:",
    "Dne 03. 01. 23 v 17:00 Jane Doe napsal(a):",
    f"ut 3. 1. 2023 o 17:00 {JANE} napísal(a):",
    # Russian, Ukrainian, Bulgarian
    f"вт, 3 янв. 2023 г. в 17:00, {JANE}:",
    f"3 янв. 2023 г., в 17:00, {JANE} написал(а):",
    "Вторник, 3 января 2023, 17:00 +03:00 от Jane Doe <jane@x.org>:",
    "03.01.2023 17:00, Jane Doe пишет:",
    "03.01.2023, 17:00, \"Jane Doe\" <jane@x.org>:",
    f"вт, 3 січ. 2023 р. о 17:00 {JANE} пише:",
    f"На вт, 3.01.2023 г. в 17:00 {JANE} написа:",
    # Turkish, Hungarian, Greek, Romanian, Catalan, Croatian
    f"{JANE}, 3 Oca 2023 Sal, 17:00 tarihinde şunu yazdı:",
    f"{JANE} ezt írta (időpont: 2023. jan. 3., K, 17:00):",
    "2023. 01. 03. 17:00 keltezéssel, Jane Doe írta:",
    f"Στις Τρί 3 Ιαν 2023 στις 5:00 μ.μ., ο χρήστης {JANE} έγραψε:",
    f"În mar., 3 ian. 2023 la 17:00, {JANE} a scris:",
    f"Pe 3 ian. 2023, la 17:00, {JANE} a scris:",
    f"El dia dt., 3 de gen. 2023, 17:00, {JANE} va escriure:",
    f"El dt., 3 d'ag. 2023 a les 17:00, {JANE} va escriure:",
    f"El dia 3 de gener de 2023 17:00, {JANE} ha escrit:",
    f"Missatge de {JANE} del dia dt., 3 de gen. 2023 a les 17:00:",
    f"uto, 3. sij 2023. u 17:00 {JANE} napisao je:",
    # Icelandic
    f"Þann þri., 3. jan. 2023 kl. 17:00 skrifaði {JANE}:",
    f"þri., 3. jan. 2023 kl. 17:00 skrifaði {JANE}:",
    "Þann 3.1.2023 17:00, skrifaði Jane Doe:",
    # Hindi
    f"मंगल, 3 जन॰ 2023 को 5:00 pm बजे {JANE} ने लिखा:",
    f"मंगल, 3 फ़र॰ 2023 को 5:00 pm को {JANE} ने लिखा:",
    f"3 जनवरी 2023 को 5:00 अपराह्न को, {JANE} ने लिखा:",
    f"मंगलवार, 3 जनवरी 2023 को {JANE} ने लिखा:",
    # Japanese, Chinese, Korean
    f"2023年1月3日(火) 17:00 {JANE}:",
    f"2023/01/03 17:00、{JANE}のメール:",
    f"{JANE} 于2023年1月3日周二 17:00写道：",
    f"{JANE} 於 2023年1月3日 週二 下午5:00寫道：",
    f"在 2023年1月3日，17:00，{JANE} 写道：",
    "在 2023-01-03 17:00:00，\"Jane Doe\" <jane@x.org> 写道：",
    f"2023년 1월 3일 (화) 오후 5:00, {JANE}님이 작성:",
    f"2023. 1. 3. 오후 5:00, {JANE} 작성:",
    # Arabic, Hebrew, Persian
    f"في ثلاثاء، 3 يناير 2023 في 5:00 م تمت كتابة ما يلي بواسطة {JANE}:",
    "\u202bבתאריך יום ג׳, 3 בינו׳ 2023 ב-17:00 מאת \u202aJane Doe\u202c\u200f <\u202ajane@x.org\u202c\u200f>:\u202c",
    # Vietnamese, Indonesian
    f"Vào Th 3, 3 thg 1, 2023 vào lúc 17:00 {JANE} đã viết:",
    f"Pada tanggal Sel, 3 Jan 2023 pukul 17.00 {JANE} menulis:",
]  # fmt: skip

HEADERS = [
    "-----Original Message----- From: Jane Doe Sent: Tuesday, January 3, 2023 5:00 PM To: Maya",
    "From: Jane Doe <jane@x.org> Sent: Tuesday, January 3, 2023 5:00 PM To: Maya Subject: Hi",
    "________________________________ From: Jane Doe <jane@x.org> Sent: Tuesday",
    "*From:* Jane Doe <jane@x.org> *Sent:* Tuesday, January 3, 2023",
    "From: Jane Doe <jane@x.org> Date: Tuesday, January 3, 2023 at 5:00 PM To: Maya",
    "-----Ursprüngliche Nachricht----- Von: Jane Doe Gesendet: Dienstag, 3. Januar 2023",
    "Von: Jane Doe <jane@x.org> Gesendet: Dienstag, 3. Januar 2023 17:00 An: Maya Betreff: Hallo",
    "De : Jane Doe <jane@x.org> Envoyé : mardi 3 janvier 2023 17:00 À : Maya Objet : Salut",
    "-----Message d'origine----- De : Jane Doe",
    "De: Jane Doe <jane@x.org> Enviado el: martes, 3 de enero de 2023 17:00 Para: Maya",
    "De: Jane Doe <jane@x.org> Enviada em: terça-feira, 3 de janeiro de 2023 17:00 Para: Maya",
    "Frá: Jane Doe <jane@x.org> Sent: þriðjudagur, 3. janúar 2023 17:00 Til: Maya",
    "Da: Jane Doe <jane@x.org> Inviato: martedì 3 gennaio 2023 17:00 A: Maya Oggetto: Ciao",
    "Van: Jane Doe <jane@x.org> Verzonden: dinsdag 3 januari 2023 17:00 Aan: Maya",
    "Från: Jane Doe <jane@x.org> Skickat: den 3 januari 2023 17:00 Till: Maya",
    "Fra: Jane Doe <jane@x.org> Sendt: 3. januar 2023 17:00 Til: Maya",
    "Lähettäjä: Jane Doe <jane@x.org> Lähetetty: tiistai 3. tammikuuta 2023 17.00",
    "Od: Jane Doe <jane@x.org> Wysłano: wtorek, 3 stycznia 2023 17:00 Do: Maya",
    "Od: Jane Doe <jane@x.org> Odesláno: úterý 3. ledna 2023 17:00 Komu: Maya",
    "От: Jane Doe <jane@x.org> Отправлено: 3 января 2023 г. 17:00 Кому: Maya",
    "Від: Jane Doe <jane@x.org> Надіслано: 3 січня 2023 р. 17:00 Кому: Maya",
    "Kimden: Jane Doe <jane@x.org> Gönderildi: 3 Ocak 2023 Salı 17:00 Kime: Maya",
    "Feladó: Jane Doe <jane@x.org> Elküldve: 2023. január 3. 17:00 Címzett: Maya",
    "Από: Jane Doe <jane@x.org> Στάλθηκε: Τρίτη, 3 Ιανουαρίου 2023 5:00 μμ Προς: Maya",
    "De la: Jane Doe <jane@x.org> Trimis: marți, 3 ianuarie 2023 17:00 Către: Maya",
    "差出人: Jane Doe <jane@x.org> 送信日時: 2023年1月3日 17:00 宛先: Maya",
    "发件人: Jane Doe <jane@x.org> 发送时间: 2023年1月3日 17:00 收件人: Maya",
    "寄件者: Jane Doe <jane@x.org> 寄件日期: 2023年1月3日 下午 05:00 收件者: Maya",
    "보낸 사람: Jane Doe <jane@x.org> 보낸 날짜: 2023년 1월 3일 화요일 오후 5:00 받는 사람: Maya",
    "من: Jane Doe <jane@x.org> تاريخ الإرسال: 3 يناير 2023 إلى: Maya",
    "מאת: Jane Doe <jane@x.org> נשלח: יום שלישי 3 ינואר 2023 17:00 אל: Maya",
    "---------- Forwarded message --------- From: Jane Doe <jane@x.org> Date: Tue, Jan 3, 2023",
    "---------- Weitergeleitete Nachricht ---------- Von: Jane Doe",
    "------------------ 原始邮件 ------------------ 发件人: Jane",
    "Inicio del mensaje reenviado: De: Jane Doe <jane@x.org>",
    "Begin forwarded message: From: Jane Doe <jane@x.org>",
]

SIGNATURES = [
    "Sent from my iPhone",
    "Sent from my iPhone.",
    "Sent from my Samsung Galaxy smartphone.",
    "Sent from Yahoo Mail on Android",
    "Get Outlook for iOS",
    "Sent from Mail for Windows 10",
    "Sent with Proton Mail secure email.",
    "Von meinem iPhone gesendet",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Gesendet von Outlook für iOS",
    "Envoyé de mon iPhone",
    "Envoyé depuis mon téléphone",
    "Télécharger Outlook pour Android",
    "Enviado desde mi iPhone",
    "Obtener Outlook para iOS",
    "Enviado do meu iPhone",
    "Inviato da iPhone",
    "Inviato dal mio iPad",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Lähetetty iPhonesta",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Отправлено с iPhone",
    "Отправлено из мобильной Почты Mail.ru",
    "Надіслано з iPhone",
    "iPhone'umdan gönderildi",
    "Στάλθηκε από το iPhone μου",
    "Trimis de pe iPhone",
    "iPhoneから送信",
    "发自我的iPhone",
    "從我的 iPhone 傳送",
    "나의 iPhone에서 보냄",
    "أُرسلت من الـ iPhone",
    "נשלח מה-iPhone שלי",
]

OPENINGS = ("Sounds good, see you there.", "Yes!", "Ich komme um 8", "了解しました。", "Ok, thanks", "Да, приду.")


def assert_kept(cut: str, opening: str, quoted: str) -> None:
    assert cut == opening.rstrip(), f"{quoted!r} → {cut!r}"


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_an_introduction_ends_what_its_author_wrote(introduction: str) -> None:
    for opening in OPENINGS:
        for quoted in (" Are you coming on the 5th? It starts at 8:30", " > Are you coming? > Jane", ""):
            snippet = html.escape(f"{opening} {introduction}{quoted}")
            assert_kept(plain_snippet(snippet), opening, snippet)


@pytest.mark.parametrize(
    "introduction",
    [
        introduction
        for introduction in INTRODUCTIONS
        if "<jane@x.org>" in introduction and not introduction.startswith(JANE)
    ],
)
def test_an_introduction_that_the_snippet_breaks_off_ends_it_too(introduction: str) -> None:
    if any(introduction.startswith(start) for start in ('"', "Jane", "Am ", "El mar", "Missatge", "في", "\u202b")):
        return  # nothing but the verb, which stands elsewhere, tells
    broken = introduction[: introduction.index("<jane@") + 6]
    assert_kept(plain_snippet(html.escape(f"See you there. {broken}")), "See you there.", broken)


@pytest.mark.parametrize("headers", HEADERS)
def test_a_block_of_headers_ends_what_its_author_wrote(headers: str) -> None:
    for opening in OPENINGS:
        assert_kept(plain_snippet(html.escape(f"{opening} {headers}")), opening, headers)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_the_signature_of_a_device_goes(signature: str) -> None:
    for opening in OPENINGS:
        for quoted in (
            "",
            f" On Jan 3, 2023, at 5:00 PM, {JANE} wrote: Hi",
            f" > On Jan 3, 2023, at 5:00 PM, {JANE} wrote: > > Hi",
        ):
            assert_kept(plain_snippet(html.escape(f"{opening} {signature}{quoted}")), opening, signature)


@pytest.mark.parametrize(
    "prose",
    [
        "On Monday he wrote: the deal is off. What do you think?",
        "On 3 May he wrote: come at once",
        "On 3 May 2023 he wrote: come at once",
        "On page 12 of the 2023 report Jane wrote: profits are up",
        "I met her on Tue, Jan 3, 2023 at 5:00 PM and Jane wrote: see you",
        "As Jane wrote: less is more. We start at 9:30 on 3 May 2023",
        "Please note: on 12 March 2024 at 10:00 the office is closed",
        "Agenda for 2023-01-03 17:00: 1) budget 2) hiring",
        "The meeting is on Tue, Jan 3, 2023 at 5:00 PM. Topics: budget, hiring",
        "Am Montag schrieb ich dir: bitte komm",
        "Am 3. Mai um 10:00 treffen wir uns: Treffpunkt Bahnhof",
        "Le 3 mai à 10:00 il y aura une réunion : merci de venir",
        "El lunes escribió: no puedo ir",
        "Em 2023 ele escreveu: um livro",
        "Il presidente ha scritto: grazie a tutti",
        "On 3 May 2023 at 10:00 I met ann@x.org and she wrote: come at once",
        "I met her on Tue, Jan 3, 2023 at 5:00 PM and ann@x.org wrote: see you",
        "ann@x.org wrote: the deal is off. I have no idea why",
        "For 3 May 2023 at 10:00 ask ann@x.org: she knows",
        "Am 3. Mai 2023 um 10:00 hat sie mir geschrieben: bitte komm",
        "Er hat geschrieben: bitte komm",
        "Plan ---- On 3 May 2023 we start at ten ---- bring cake",
        "--- On Monday --- gym --- On Tuesday --- swim",
        "El 3 de maig de 2023 a les 10:00 ens veiem: porta cafè",
        "Ha escrit: no vinc",
        "Missatge de la directora del dia 3 de maig: no hi ha classe",
        "Þann 3. maí 2023 kl. 10:00 hittumst við: komdu með kaffi",
        "Hann skrifaði: ég kem á morgun",
        "3 मई 2023 को 10:00 बजे बैठक है: ज़रूर आइए",
        "W dniu 3 maja o 10:00 spotkanie: sala 5",
        "Den 3 maj kl. 10:00 ses vi: ta med kaffe",
        "From: here to there. To: the moon",
        "From: Berlin Date: tomorrow, and a long explanation follows about how we shall travel there together by train",
        "De: Madrid a Lisboa. Fecha: por confirmar. Ya me dirás qué te parece el plan que te mandé por la mañana",
        "Total: 12.50 EUR Date: soon. Thank you for the order, it is going to be delivered within the next few working days",
        "Was it sent from my iPhone or yours?",
        "The photo was Sent from my iPhone while I was away",
        "Sent from heaven, that cake!",
        "I think -- although not sure -- yes",
        "a > b and b > c, so a > c",
        "Go to Settings > Accounts > Add account",
        "x -> y; <- z; 5 < 6 > 4",
        "Contact Jane Doe <jane@x.org>: she knows more",
        "Call Jane (jane@x.org): she was there in 2023",
        "She said: yes. He said: no. 17:00 works, 18:00 too",
        "Original Message from the king",
        "See https://x.org/a:b?c=2023-01-03T17:00 and write back: thanks",
        "昨日彼は書きました: 明日行きます",
        "他写道：今天很好",
        "Он написал: приду в 2023 году",
        "Müller <= 5: fine",
        "Monday: gym. Tuesday: swim. 2023: run",
    ],
)
def test_ordinary_prose_is_left_as_it_is(prose: str) -> None:
    assert plain_snippet(html.escape(prose)) == prose


@pytest.mark.parametrize(
    ("quoted", "above"),
    [
        ("Hi, jane@x.org said: > are you coming", "Hi,"),
        ("Yes. On July 19, jane@x.org said: > are you coming", "Yes."),
        ("Yes. On July 19, Jane Doe wrote: > are you coming", "Yes."),
        ("Come on July 19, jane@x.org said: > are you coming", "Come on July 19,"),
        ("Fine --- In friends@groups.example, Jane Doe wrote: > are you coming", "Fine --- In friends@groups.example,"),
    ],
)
def test_where_a_quotation_mark_follows_the_introduction_needs_no_year(quoted: str, above: str) -> None:
    assert plain_snippet(html.escape(quoted)) == above


@given(
    st.text(
        alphabet=st.characters(blacklist_characters=">:：|\n\r<([_-=–—", blacklist_categories=["Cc", "Cs"]),
        max_size=300,
    )
)
def test_text_without_any_mark_is_unchanged(text: str) -> None:
    assert without_quotes(text) == text


@given(
    st.lists(
        st.sampled_from([*INTRODUCTIONS, *HEADERS, *SIGNATURES, *OPENINGS, ">", ":", "2023", "17:00", "\n", "wrote:"])
        | hostile_forms(60),
        max_size=12,
    )
)
def test_what_is_left_is_always_the_beginning(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert text.startswith(without_quotes(text))
    assert without_quotes(without_quotes(text)) in text
