"""What people write to each other in the sample: conversations as alternating turns, and mail from automated senders.

Slots in braces are filled from `SLOTS`, the same choice for a whole conversation. The two sides take turns; who
begins is chosen by the mailbox.
"""

from dataclasses import dataclass

from libs.google_sim.sample.people import Home, Language


@dataclass(frozen=True)
class Conversation:
    """A subject and its turns, for people of one language and one side of Maya's life."""

    subject: str
    turns: tuple[str, ...]
    home: Home = "work"
    language: Language = "en"


SLOTS: dict[str, tuple[str, ...]] = {
    "project": (
        "the spring catalogue",
        "the packaging refresh",
        "the exhibition signage",
        "the annual report",
        "the website relaunch",
        "the wayfinding pilot",
        "the brand book",
        "the launch film",
    ),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "amount": ("EUR 4,200", "EUR 1,850", "SEK 38,000", "EUR 960", "SEK 12,500"),
    "place": ("Café Saturnus", "the studio", "Vete-Katten", "Fotografiska", "the Nordlys lobby", "Rosendal"),
    "detail": (
        "the grid feels too tight on small screens",
        "the second blue prints darker than on screen",
        "we lost the caption style on page 14",
        "the logo needs more air at the top",
        "legal wants the claim shortened",
        "the photos from the second day are stronger",
    ),
    "film": ("the new Östlund", "the Varda retrospective", "that documentary on letterpress", "the Miyazaki rerun"),
    "veckodag": ("måndag", "tisdag", "onsdag", "torsdag", "söndag"),
    "rätt": ("lasagne", "kräftor", "ärtsoppa", "janssons", "sill och potatis"),
    "wochentag": ("Montag", "Dienstag", "Mittwoch", "Donnerstag"),
}

CONVERSATIONS: tuple[Conversation, ...] = (
    Conversation(
        "Next steps for {project}",
        (
            "Thanks for the call earlier. I wrote down three things for {project}: the schedule, the second round of "
            "layouts, and who signs off. Could you confirm that {weekday} still works for the review?",
            "{weekday} works. On the layouts: {detail}. Otherwise this is very close, the team was happy.",
            "Good catch. We will fix that and send a new PDF by tomorrow noon.",
            "Perfect, I have put it on the agenda. Should I invite somebody from print as well?",
            "Yes please, better now than after the proofs.",
            "Done, they will join for the last twenty minutes.",
        ),
    ),
    Conversation(
        "Invoice for {project}",
        (
            "Attached is the invoice for {project}, {amount} as agreed, due in 30 days. Let me know if you need a "
            "purchase order number on it.",
            "Received, thank you. We do need the PO number, I will get it from finance and come back to you.",
            "No hurry. I will send a corrected copy once I have it.",
            "Here it is: PO 40-2217. Payment goes out with the next run on {weekday}.",
        ),
    ),
    Conversation(
        "Feedback on {project}",
        (
            "We looked at the draft together this morning. Overall a big step forward. One thing: {detail}.",
            "Thank you for such clear notes. I agree, and I have an idea how to solve it without moving the deadline.",
            "Curious to see it! Could you share it before {weekday}? Our board meets the day after.",
            "Will do. You get a link tonight and a printed copy by courier.",
            "The link works and it looks wonderful. I have nothing to add.",
        ),
    ),
    Conversation(
        "Quick question about {project}",
        (
            "Do you remember who had the original files for {project}? I can only find the flattened version.",
            "They are on the old drive, folder 07. I can upload them on {weekday} when I am back at my desk.",
            "That would save my week. Thank you!",
        ),
    ),
    Conversation(
        "Lunch at {place}?",
        (
            "It has been far too long. Are you free for lunch at {place} on {weekday}? I would love to hear how things "
            "are going.",
            "Yes! A quarter past twelve? I have to be back by two.",
            "Booked for two under my name. See you there.",
        ),
    ),
    Conversation(
        "Introduction",
        (
            "You asked me for a good printer a while ago. I spoke to somebody who did {project} and could not stop "
            "praising their binding. Shall I connect you?",
            "Please do, the timing could not be better. We start printing next month.",
            "I will write to both of you on {weekday}.",
        ),
    ),
    Conversation(
        "Proofs for {project}",
        (
            "The proofs have arrived. Colours are good, but {detail}. Could you look before {weekday}?",
            "I will pass by this afternoon and check with a loupe. Please keep both versions.",
            "They are on the light table. The courier leaves at five.",
            "Approved with one correction, marked in pencil on sheet 3.",
        ),
    ),
    Conversation(
        "Concert on {weekday}",
        (
            "We sing at {place} on {weekday} evening, half of it is Pärt. I can put you on the list, plus one.",
            "I would love that! Put me down for two, please.",
            "Done. Doors at seven, come early, the front rows go first.",
            "What an evening. I am still humming. Thank you for the tickets!",
        ),
        "personal",
    ),
    Conversation(
        "Cinema?",
        (
            "Anybody up for {film} this week? It is on at Zita every evening at eight.",
            "Me! {weekday} would be best, the rest of the week is a mess.",
            "{weekday} it is. I get the tickets, you get the popcorn.",
        ),
        "personal",
    ),
    Conversation(
        "Summer house",
        (
            "We have the house on Utö again in July and two beds are still free. Would you like to come for a few days?",
            "That sounds like heaven. I could come from a {weekday} until the weekend.",
            "Lovely. Bring a sweater, whatever the forecast says.",
            "And the good coffee. Yours was undrinkable last year.",
            "Fair. See you on the ten o’clock ferry.",
        ),
        "personal",
    ),
    Conversation(
        "Book recommendation",
        (
            "I finally finished the one you lent me. The chapter about maps alone was worth it. What should I read next?",
            "So glad! Try the essays by the same author, I can bring them on {weekday}.",
            "Yes please. I will trade you for a novel.",
        ),
        "personal",
    ),
    Conversation(
        "Middag på {veckodag}?",
        (
            "Hej! Vi tänkte laga {rätt} på {veckodag}. Kommer du? Ta gärna med dig något gott till kaffet.",
            "Gärna! Jag är hos er vid sex. Ska jag ta med blommor från balkongen också?",
            "Det vore jättefint. Kör försiktigt, det är halt på vägen.",
            "Tack för en härlig kväll, det var precis vad jag behövde.",
        ),
        "personal",
        "sv",
    ),
    Conversation(
        "Städdag på gården",
        (
            "Hej alla! På {veckodag} är det städdag på gården, vi börjar klockan tio. Korv och kaffe efteråt.",
            "Jag kommer! Kan ta hand om rabatterna vid porten.",
            "Toppen, då skriver jag upp dig på det.",
        ),
        "personal",
        "sv",
    ),
    Conversation(
        "Underlag till arkivet",
        (
            "Hej! Jag skickar underlaget som vi pratade om. Säg till om upplösningen inte räcker för tryck.",
            "Tack, det räcker gott. Vi återkommer efter mötet på {veckodag}.",
            "Perfekt. Hör av dig om något är oklart.",
        ),
        "work",
        "sv",
    ),
    Conversation(
        "Umschlag für die Frühjahrsreihe",
        (
            "Liebe Maya, die Entwürfe für die Frühjahrsreihe gefallen uns sehr. Könnten wir am {wochentag} kurz über die "
            "Typografie auf dem Rücken sprechen?",
            "Liebe Grüße aus Stockholm! Am {wochentag} passt es gut, am liebsten vormittags.",
            "Wunderbar, ich rufe um zehn an. Die Fahnen liegen dann auch vor.",
            "Vielen Dank für das Gespräch. Ich schicke die geänderte Fassung bis Ende der Woche.",
        ),
        "work",
        "de",
    ),
    Conversation(
        "Besuch in Stockholm",
        (
            "Hallo Maya, ich bin im nächsten Monat ein paar Tage in Stockholm. Hast du am {wochentag} Zeit für einen Kaffee?",
            "Wie schön! Ja, gern, ich zeige dir mein neues Lieblingscafé.",
            "Ich freue mich. Bis bald!",
        ),
        "personal",
        "de",
    ),
    Conversation(
        "展示会のポスターについて",
        (
            "いつもお世話になっております。展示会のポスターの色校正が届きました。とても良い仕上がりです。ご確認をお願いいたします。",
            "早速ありがとうございます。青がとてもきれいですね。こちらはこのまま進めてください。",
            "承知いたしました。来週には納品できる見込みです。",
            "助かります。引き続きよろしくお願いいたします。",
        ),
        "work",
        "ja",
    ),
    Conversation(
        "本の打ち合わせ",
        (
            "マヤさん、こんにちは。次の本の打ち合わせですが、来月東京にいらっしゃる予定はありますか。",
            "こんにちは。はい、中旬に一週間ほど滞在します。お会いできるのを楽しみにしています。",
            "それは良かったです。神保町の喫茶店を予約しておきます。",
        ),
        "personal",
        "ja",
    ),
)

GREETINGS: dict[Language, str] = {"en": "Hi {name},", "sv": "Hej {name},", "de": "Hallo {name},", "ja": "{name}様"}
CLOSINGS: dict[Language, str] = {
    "en": "Best,",
    "sv": "Hälsningar,",
    "de": "Herzliche Grüße",
    "ja": "よろしくお願いいたします。",
}


@dataclass(frozen=True)
class AutomatedSender:
    """A sender that is no person: its headers betray it."""

    name: str
    address: str
    subjects: tuple[str, ...]
    text: str
    headers: tuple[tuple[str, str], ...]
    home: Home = "personal"


def _newsletter(domain: str) -> tuple[tuple[str, str], ...]:
    return (
        ("List-Id", f"<news.{domain}>"),
        ("List-Unsubscribe", f"<https://{domain}/unsubscribe?u=7f3a>, <mailto:unsubscribe@{domain}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


AUTOMATED_SENDERS: tuple[AutomatedSender, ...] = (
    AutomatedSender(
        "Letterform Weekly",
        "hello@letterform-weekly.example",
        (
            "Five typefaces worth your weekend",
            "The grid is not your enemy",
            "Ink traps, explained",
            "What we learned from 1,000 signs",
        ),
        "This week: a new revival of a forgotten serif, an interview with two sign painters, and a discount on our "
        "workshop in Malmö. Read it in your browser if the pictures do not load.",
        _newsletter("letterform-weekly.example"),
    ),
    AutomatedSender(
        "Fotografiska",
        "nyhetsbrev@fotografiska-news.example",
        ("Höstens utställningar", "Sista chansen: ljus och skugga", "Fredagskväll på museet"),
        "Nu öppnar vi tre nya utställningar. Som medlem går du in gratis och får ta med en vän på fredagar.",
        (*_newsletter("fotografiska-news.example"), ("Precedence", "bulk")),
    ),
    AutomatedSender(
        "SJ",
        "noreply@sj-biljett.example",
        ("Din biljett Stockholm–Göteborg", "Din biljett Stockholm–Malmö"),
        "Tack för din beställning. Din biljett finns i appen. Avgång enligt tidtabell, vagn 4, plats 23.",
        (),
    ),
    AutomatedSender(
        "Bokhandeln",
        "no-reply@bokhandeln-order.example",
        ("Orderbekräftelse 20817", "Din order är på väg", "Kvitto på ditt köp"),
        "Tack för ditt köp! Här är ditt kvitto. Paketet lämnas till ombudet nära dig inom två vardagar.",
        (),
    ),
    AutomatedSender(
        "CloudFiles",
        "no-reply@cloudfiles.example",
        ("Your monthly storage report", "Jonas shared a folder with you", "Payment received"),
        "You are using 61 GB of 100 GB. Files that nobody opened for a year can be moved to the archive.",
        (),
        "work",
    ),
    AutomatedSender(
        "Invoices (Papertrail)",
        "invoices@papertrail-billing.example",
        ("Your receipt from Papertrail", "Your receipt from Papertrail (2)"),
        "Thanks for your payment of EUR 24.00 for the Studio plan. You find the receipt under Billing.",
        (("Auto-Submitted", "auto-generated"),),
        "work",
    ),
    AutomatedSender(
        "Design Jobs Nordic",
        "digest@designjobs-nordic.example",
        ("12 new roles this week", "9 new roles this week", "Hiring season is here"),
        "Senior product designer in Copenhagen, type designer in Helsinki, art director in Bergen and nine more.",
        _newsletter("designjobs-nordic.example"),
        "work",
    ),
)

SPAM: tuple[tuple[str, str], ...] = (
    (
        "Your parcel is waiting for a customs fee",
        "Dear customer, your parcel 8841 could not be delivered. Pay 1.99 now.",
    ),
    ("Increase your website traffic by 400%", "We noticed that your site is missing from page one of every search."),
    ("URGENT: mailbox quota exceeded", "Your mailbox is almost full. Sign in with the link below to keep your mail."),
    ("Investment proposal", "I am the lawyer of a late client who shares your family name and left a large sum."),
    ("Cheap toner and ink, today only", "Original cartridges up to 80 percent off. Free delivery for orders over 20."),
)
