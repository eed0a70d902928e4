"""Mailboxes of any size for benchmarks and chaos tests: plain conversations, made fast."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.sample.compose import Letter, in_order, message_id_for, resource

# How many conversations of each length there are among 100: with newsletters about 4.9 messages a thread.
THREAD_LENGTHS: Sequence[tuple[int, int]] = (
    (1, 21),
    (2, 18),
    (3, 13),
    (4, 9),
    (5, 7),
    (6, 6),
    (8, 7),
    (10, 6),
    (13, 5),
    (18, 4),
    (24, 3),
    (30, 1),
)
_GIVEN = (
    "Alva",
    "Bilal",
    "Carla",
    "Dmitri",
    "Elif",
    "Femi",
    "Greta",
    "Hiro",
    "Ines",
    "Jamal",
    "Kaja",
    "Liam",
    "Mira",
    "Nils",
    "Odette",
    "Pavel",
    "Quinn",
    "Rosa",
    "Sven",
    "Tariq",
    "Uma",
    "Vera",
    "Wren",
    "Xenia",
    "Yara",
)
_FAMILY = (
    "Ahlberg",
    "Banerjee",
    "Castro",
    "Dupont",
    "Eriksen",
    "Farouk",
    "Gruber",
    "Hayashi",
    "Ivanova",
    "Jensen",
    "Kowalczyk",
    "Lund",
    "Moreau",
    "Ndiaye",
    "Okonkwo",
    "Pereira",
    "Quist",
    "Rossi",
    "Schmidt",
    "Tanaka",
)
_TOPICS = (
    "the quarterly plan",
    "Thursday’s workshop",
    "the supplier contract",
    "the migration",
    "our offsite",
    "the hiring round",
    "the press release",
    "the new office",
    "the pilot results",
    "the budget",
)
_SENTENCES = (
    "I went through the numbers again and they hold up better than I expected.",
    "Could you check the second paragraph before we send it to the others?",
    "The only open point is the date; everything else is agreed.",
    "Let us keep it short and decide on the phone.",
    "I have attached the latest version with the changes in blue.",
    "Thanks for the quick answer, that helps a lot.",
    "If nobody objects by tomorrow, I will go ahead.",
    "There was one question from finance which I could not answer.",
)


def generate_mailbox(
    address: str,
    messages: int,
    *,
    seed: int = 1,
    now: datetime,
    correspondents: int = 0,
    sent_share: float = 0.3,
    automated_share: float = 0.15,
    days: int = 360,
    thread_lengths: Sequence[tuple[int, int]] = THREAD_LENGTHS,
) -> AccountData:
    """An account with exactly that many messages in `days` before `now`, no calendar events and no contacts.

    correspondents: how many people write and are written to (0: one for every 25 messages, at least 5).
    sent_share: of all messages, by the owner. automated_share: of all threads, newsletters of one message.
    thread_lengths: (messages in a thread, weight). The same arguments give the same mailbox.
    """
    random = Random(f"{seed} {address} {messages}")
    people = [_person(number) for number in range(correspondents or max(5, messages // 25))]
    lengths, weights = zip(*thread_lengths, strict=True)
    account_name = address.partition("@")[0].replace(".", " ").title()
    owner = (account_name, address)
    mean = sum(length * weight for length, weight in thread_lengths) / sum(weights)
    in_newsletters = automated_share / (automated_share + (1 - automated_share) * mean)
    mine_share = min(1.0, sent_share / (1 - in_newsletters)) if in_newsletters < 1 else 0.0
    made: list[Resource] = []
    while len(made) < messages:
        wanted = min(random.choices(lengths, weights)[0], messages - len(made))
        began = now.astimezone(UTC) - timedelta(seconds=random.uniform(3_600, days * 86_400))
        if random.random() < automated_share:
            made.append(_newsletter(random, owner, began, len(made)))
        else:
            made.extend(_thread(random, owner, people, began, wanted, len(made), mine_share, now))
    calendar = CalendarData(address, address, primary=True)
    sub = str(10**20 + random.randrange(10**20))
    return AccountData(address, account_name, sub, [], in_order(made), [calendar], [])


def _person(number: int) -> tuple[str, str]:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number // len(_GIVEN) % len(_FAMILY)]
    return f"{given} {family}", f"{given}.{family}{number}@company{number % 97}.example".lower()


def _newsletter(random: Random, owner: tuple[str, str], sent: datetime, number: int) -> Resource:
    brand = number % 23
    letter = Letter(
        sent=sent,
        sender=(f"Brand {brand}", f"news@brand{brand}.example"),
        to=[owner],
        subject=f"News {number}: {random.choice(_TOPICS)}",
        text=" ".join(random.choices(_SENTENCES, k=4)),
        message_id=message_id_for(f"{owner[1]} {number}", f"brand{brand}.example"),
        headers=(("List-Unsubscribe", f"<https://brand{brand}.example/u/{number}>"), ("Precedence", "bulk")),
    )
    return resource(letter, owner[1], ["INBOX", "CATEGORY_PROMOTIONS"])


def _thread(
    random: Random,
    owner: tuple[str, str],
    people: Sequence[tuple[str, str]],
    sent: datetime,
    length: int,
    number: int,
    mine_share: float,
    now: datetime,
) -> list[Resource]:
    partner, silent = random.choice(people), random.choice(people)
    subject = f"About {random.choice(_TOPICS)} ({number})"
    references: list[str] = []
    thread_id, made = "", []
    for turn in range(length):
        mine = random.random() < mine_share
        sender, to = (owner, partner) if mine else (partner, owner)
        letter = Letter(
            sent=sent,
            sender=sender,
            to=[to],
            cc=[silent] if silent is not partner and number % 3 == 0 else (),
            subject=subject if turn == 0 else f"Re: {subject}",
            text=" ".join(random.choices(_SENTENCES, k=3)),
            message_id=message_id_for(f"{owner[1]} {number} {turn}", sender[1].rpartition("@")[2]),
            references=tuple(references[-10:]),
        )
        made.append(resource(letter, owner[1], ["SENT"] if mine else ["INBOX"], thread_id))
        thread_id = thread_id or made[0]["id"]
        references.append(letter.message_id)
        sent = min(sent + timedelta(seconds=random.uniform(300, 90_000)), now.astimezone(UTC) - timedelta(minutes=1))
    return made
