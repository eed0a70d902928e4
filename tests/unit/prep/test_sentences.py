"""What a text asks, wants and promises: found where it is certain, in any language, and not found where it is not."""

import pytest

from services.prep.domain.talking_points.fact import is_reply
from services.prep.domain.talking_points.sentences import (
    gist,
    longest_run,
    names_in,
    promises,
    questions,
    sentences,
    wants,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ("One.", "Two!", "Three?")),
        ("Dr. Lee met Mr. Poe at 3 p.m. on the 5. of May. Fine.", ("Dr. Lee met Mr. Poe at 3 p.m. on the 5. of May.", "Fine.")),
        ("See a.example/x?y=1 and v2.0.1 now", ("See a.example/x?y=1 and v2.0.1 now",)),
        ("He asked “why?” Then he left.", ("He asked “why?”", "Then he left.")),
        ("明日はどうですか？いいえ。", ("明日はどうですか？", "いいえ。")),
        ("Πού είσαι; Εδώ.", ("Πού είσαι;", "Εδώ.")),
        ("Really?! Yes... well", ("Really?!", "Yes...", "well")),
        ("", ()),
    ],
)  # fmt: skip
def test_a_text_falls_into_sentences(text: str, expected: tuple[str, ...]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hi Sam, could we move to Thursday?", ("could we move to Thursday?",)),
        ("The room holds 40. Is that enough?", ("The room holds 40. Is that enough?",)),
        ("Können wir am Freitag liefern? Viele Grüße", ("Können wir am Freitag liefern?",)),
        ("¿Vienes mañana?", ("¿Vienes mañana?",)),
        ("هل تأتي غدا إلى المكتب؟", ("هل تأتي غدا إلى المكتب؟",)),
        ("Θα έρθεις αύριο στο γραφείο;", ("Θα έρθεις αύριο στο γραφείο;",)),
        ("来週の会議は何時からですか？", ("来週の会議は何時からですか？",)),
        ("Когда вы сможете приехать?", ("Когда вы сможете приехать?",)),
        ("How is the contract coming along?", ("How is the contract coming along?",)),
        ("You are coming on Tuesday, right?", ("You are coming on Tuesday, right?",)),
        # None of these wants an answer, or it is not the writer who asks.
        ("Hi Sam, how are you?", ()),
        ("How was your weekend? Mine was quiet.", ()),
        ("Hallo Sam, wie geht es dir?", ()),
        ("Bonjour, comment allez-vous ?", ()),
        ("Hola, ¿qué tal?", ()),
        ("お元気ですか？", ()),
        ("你好吗？", ()),
        ("Who would have thought?", ()),
        ("Any questions?", ()),
        ("Really?", ()),
        ('She wrote "who pays for this?"', ()),
        ("Er fragte: „Wer zahlt das?“", ()),
        ("See https://x.example/search?q=1", ()),
        ("It works (I think?)", ()),
        ("We take the train (it still goes, does it?), then walk.", ()),
        ("(Could you bring the key?) See you there.", ("(Could you bring the key?)",)),
        ('"Oh, you are going to Seattle? Then buy this." Such mail is next.', ()),
        ("„Wer zahlt das denn alles? Ich nicht.“ So fing es an.", ()),
        ('"Done" means that it is on the server, right?', ('"Done" means that it is on the server, right?',)),
        ("What?!", ()),
        ("a; b; c", ()),
        ("", ()),
    ],
)
def test_what_is_asked(text: str, asked: tuple[str, ...]) -> None:
    assert questions(text) == asked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hi. Please send me the signed page by Friday.", True),
        ("Could you confirm the address.", True),
        ("Let me know which of the two you like.", True),
        ("We still need your logo in high resolution.", True),
        ("Bitte schick mir noch die Rechnung.", True),
        ("Merci de confirmer avant mardi.", True),
        ("Please find attached the minutes.", False),
        ("Please note that we are closed on Monday.", False),
        ("Please let me know if you have any questions.", False),
        ("Let me know if there is anything else.", False),
        ("Please don't hesitate to call.", False),
        ("Please send it when you can, no rush.", False),
        ('He said "please send me the page".', False),
        ("Thank you for sending me the page.", False),
        ("Let me know if you want them.", False),
        ("Let me know if you would like to join us.", True),
        ("I need you.", False),
    ],
)
def test_what_is_wanted(text: str, wanted: bool) -> None:
    assert bool(wants(text)) is wanted


@pytest.mark.parametrize(
    ("text", "promised"),
    [
        ("I'll send you the deck by Friday.", True),
        ("I’ll get back to you on Monday.", True),
        ("We will prepare a draft this week.", True),
        ("I am going to ask Ana about it.", True),
        ("Let me check with legal and come back to you.", True),
        ("Ok, will do that tomorrow.", True),
        ("I still owe you the numbers.", True),
        ("Ich schicke dir den Entwurf bis Freitag.", True),
        ("Je vous enverrai le devis lundi.", True),
        ("Te enviaré los planos mañana.", True),
        ("I'll see you on Tuesday.", False),
        ("I'll be there.", False),
        ("I'll send it if you need it.", False),
        ("I won't send it.", False),
        ("I would send it to Ana first.", False),
        ("I'll send you the attached file.", False),
        ("Anbei schicke ich dir den Plan, ich schicke ihn hiermit.", False),
        ("They will send it.", False),
        ('She wrote "I will send it".', False),
        ("I sent it yesterday.", False),
        ("Nous vous enverrons le devis ci-joint.", False),
    ],
)
def test_what_is_promised(text: str, promised: bool) -> None:
    assert bool(promises(text)) is promised


def test_a_short_promise_comes_with_what_it_is_about() -> None:
    assert promises("The ids can be written anew. I'll do that.") == ("The ids can be written anew. I'll do that.",)
    assert promises("I'll send you the deck. I'll do that today.") == (
        "I'll send you the deck.",
        "I'll do that today.",
    )
    assert promises("Right! I'll fix it.") == ("I'll fix it.",)


@pytest.mark.parametrize(
    ("text", "is_for_sam"),
    [
        ("Kragen, do you know of any filters on the list?", False),
        ("Priya, please send me the numbers of last week.", False),
        ("Sam, do you know of any filters on the list?", True),
        ("Rivera, please send me the numbers of last week.", True),
        ("Anyway, do you know of any filters on the list?", True),
        ("Do you, Kragen, know of any filters on the list?", True),
        ("From friday, will it be open?", True),
        ("Hi Priya, thanks a lot. Could you send me the numbers of last week?", False),
        ("Dear Mr Cohen, please send me the numbers of last week.", False),
        ("Hi Sam and Priya, could you send me the numbers of last week?", True),
        ("Dear Mr Rivera, please send me the numbers of last week.", True),
        ("Hallo Zusammen, wer bringt am Freitag den Kuchen mit?", True),
        ("Hi everybody, who brings the cake on Friday?", True),
        ("Good morning, who brings the cake on Friday?", True),
    ],
)
def test_what_begins_with_anothers_name_is_meant_for_them(text: str, is_for_sam: bool) -> None:
    names = names_in("Sam Rivera", "")
    assert bool(questions(text, names) or wants(text, names)) is is_for_sam
    assert questions(text) or wants(text)


@pytest.mark.parametrize(
    ("title", "is_one"),
    [
        ("Re: Plans?", True), ("[dev] Re: Plans?", True), ("[dev] [ops] AW: Plans?", True), ("[dev] Plans?", False),
        ("Plans?", False), ("File::Spec, anybody?", False), ("[Re: Plans?", False),
    ],
)  # fmt: skip
def test_a_reply_is_known_by_its_subject(title: str, is_one: bool) -> None:
    assert is_reply(title) is is_one


def test_the_longest_run_is_a_piece_of_the_text() -> None:
    text = "First comes this one here today. Left out. How are you? 次の議題です。二つあります。最後です。 End."
    assert longest_run(text, lambda sentence: sentence == "Left out.") == "First comes this one here today."
    assert longest_run(text, lambda sentence: sentence.isascii()) == "次の議題です。二つあります。最後です。"
    assert longest_run("It is fine. Left out.", lambda sentence: sentence == "Left out.") == ""
    assert longest_run("", lambda sentence: False) == ""


def test_the_gist_of_a_text_begins_behind_its_pleasantries() -> None:
    assert gist("Hi Sam, how are you? How was the weekend? We have a new dog.") == "We have a new dog."
    assert gist("Dear Sam, the barn is free.") == "the barn is free."
    assert gist("Hello!") == ""
    assert gist("会議です。次の議題です。お元気ですか？") == "会議です。次の議題です。"
    assert gist("The dog is new. How are you? It barks.") == "The dog is new. How are you? It barks."
