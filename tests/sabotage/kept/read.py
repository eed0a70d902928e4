"""What people read: briefs, prompts, quotations, durations and dates."""

from tests.sabotage.mutation import InText, Mutation, Replace

BRIEFS = "tests/unit/prep/test_golden_briefs.py"
FALLBACK = "tests/unit/prep/test_fallback_points.py"
TIMES = "tests/unit/prep/test_prep_times.py"
LANGUAGES = "tests/unit/sync/test_quoted_mail_languages.py"
SENTENCES = "tests/unit/gateway/test_golden_sentences.py"
GOLDEN = f"{BRIEFS}::test_a_brief_reads_as_its_golden_file"
DOSSIER = "services/prep/domain/dossier.py"
POINTS = "services/prep/domain/talking_points/points.py"
PROMPT = "services/prep/domain/prompt.py"
WORDS = "services/prep/domain/times.py"
EXTENT = "tests/unit/prep/test_prep_extent.py"
QUOTES = "services/sync/domain/quotes.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "the oldest interactions in a brief",
        "read",
        f"{DOSSIER}::_shown",
        Replace(
            "sorted(personal, key=lambda item: item.occurred_at, reverse=True)",
            "sorted(personal, key=lambda item: item.occurred_at)",
        ),
        (GOLDEN,),
    ),
    Mutation(
        "automated mail in a brief",
        "read",
        f"{DOSSIER}::_profile",
        Replace("[item for item in attendee.last if not item.automated]", "list(attendee.last)"),
        (GOLDEN,),
    ),
    Mutation(
        "labels of bios that begin anew with each guest",
        "read",
        f"{DOSSIER}::collect",
        Replace("bios += len(profile.bios)", ""),
        (GOLDEN,),
    ),
    Mutation(
        "more interactions each in large meetings",
        "read",
        f"{DOSSIER}::collect",
        Replace("len(people) <= SMALL_MEETING_GUESTS", "len(people) > SMALL_MEETING_GUESTS"),
        (GOLDEN,),
    ),
    Mutation(
        "who wrote is swapped",
        "read",
        f"{DOSSIER}::_past_interaction",
        Replace(
            '{"inbound": "they wrote", "outbound": "you wrote", "participant": "both on it", "mutual": "together"}',
            '{"inbound": "you wrote", "outbound": "they wrote", "participant": "both on it", "mutual": "together"}',
        ),
        (GOLDEN,),
    ),
    Mutation(
        "a brief in the zone of the event, not of its reader",
        "read",
        "services/prep/domain/view.py::view",
        Replace("dossier.zone_name", "meeting.time_zone"),
        (GOLDEN,),
    ),
    Mutation(
        "title and company of a guest are swapped",
        "read",
        "services/prep/domain/view.py::_about",
        Replace("(person.title, person.company)", "(person.company, person.title)"),
        (GOLDEN,),
    ),
    Mutation(
        "the plain text without the address of a guest",
        "read",
        "services/prep/templates/brief.txt",
        InText("{% if person.address %}", "{% if not person.address %}"),
        (GOLDEN,),
    ),
    Mutation(
        "a brief that does not show the answer of a guest",
        "read",
        "services/prep/templates/brief.html",
        InText("{% for piece in person.about %}", "{% for piece in person.about[:1] %}"),
        (GOLDEN,),
    ),
    Mutation(
        "what a talking point rests on is left out where the guests are many",
        "read",
        "services/prep/domain/extent.py::_shortened",
        Replace("past.label in cited", "False"),
        (f"{EXTENT}::test_what_a_point_rests_on_is_shown_though_it_is_not_among_the_first",),
    ),
    Mutation(
        "a mail that is longer than Gmail shows",
        "read",
        "services/prep/rendering.py::render",
        Replace("len(html.encode()) <= MOST_HTML_BYTES", "True"),
        (f"{EXTENT}::test_whatever_others_write_gmail_shows_the_whole_mail",),
    ),
    Mutation(
        "text from right to left is laid out from the left",
        "read",
        "services/prep/templates/brief.html",
        InText('<span class="entry-text" dir="{{ text | direction }}">', '<span class="entry-text">'),
        (GOLDEN,),
    ),
    Mutation(
        "notes are given to the model",
        "read",
        f"{PROMPT}::_given_person",
        Replace(
            "tuple(past for past in person.interactions if not past.is_note)",
            "tuple(person.interactions)",
        ),
        (GOLDEN,),
    ),
    Mutation(
        "bios of people without history count as given to the model",
        "read",
        f"{PROMPT}::given",
        Replace(
            "[bio.label for person in people if person.known for bio in person.bios]",
            "[bio.label for person in people for bio in person.bios]",
        ),
        (GOLDEN,),
    ),
    Mutation(
        "the end of the fence before what others wrote",
        "read",
        f"{PROMPT}::prompt",
        Replace('"\\n".join([*lines, "</data>"])', '"\\n".join(["</data>", *lines])'),
        (GOLDEN,),
    ),
    Mutation(
        "points of the model are not marked as such",
        "read",
        "services/prep/writing.py::write_talking_points",
        Replace("BY_AI if len(kept) >= FEWEST else PARTLY_AI", "PARTLY_AI if len(kept) >= FEWEST else BY_AI"),
        (GOLDEN,),
    ),
    Mutation(
        "points from the facts pass for the model's",
        "read",
        "services/prep/writing.py::write_talking_points",
        Replace(
            'TalkingPoints(facts, NOT_AI, ai=False, usage=written.usage, fallback="ungrounded")',
            'TalkingPoints(facts, BY_AI, ai=True, usage=written.usage, fallback="ungrounded")',
        ),
        (f"{BRIEFS}::test_who_wrote_the_points_is_in_the_brief_and_on_record",),
    ),
    Mutation(
        "a mail of sixty days ago is not open any more",
        "read",
        "services/prep/domain/talking_points/personal_facts.py::_waiting_for_me",
        Replace("reading.age(past) > OPEN_DAYS", "reading.age(past) >= OPEN_DAYS"),
        (f"{TIMES}::test_a_mail_without_a_reply_may_be_open_for_sixty_days_and_silence_begins_after_ninety",),
    ),
    Mutation(
        "ago by the hours, not by the reader's days",
        "read",
        f"{WORDS}::ago",
        Replace("(now.astimezone(zone).date() - moment.astimezone(zone).date()).days", "(now - moment).days"),
        (f"{TIMES}::test_ago_goes_by_the_days_of_the_reader",),
    ),
    Mutation(
        "weeks a day too late",
        "read",
        f"{WORDS}::for_days",
        Replace("days < 14", "days <= 14"),
        (f"{TIMES}::test_a_number_of_days_is_in_the_largest_unit_that_is_precise_enough",),
    ),
    Mutation(
        "one thing in the plural",
        "read",
        f"{WORDS}::counted",
        Replace("number == 1", "number <= 0"),
        (f"{TIMES}::test_only_a_single_thing_is_singular",),
    ),
    Mutation(
        "minutes rounded down",
        "read",
        "services/prep/domain/rules.py::minutes_until",
        Replace("(starts_at - now).total_seconds() + 30", "(starts_at - now).total_seconds()"),
        (f"{TIMES}::test_minutes_until_are_rounded_half_up",),
    ),
    Mutation(
        "a language of quotations without its words",
        "read",
        "services/sync/domain/reply_words.py::REPLY_WORDS",
        InText("kirjoitti", "kirjoittaa"),
        (f"{LANGUAGES}::test_what_introduces_a_quotation_ends_what_its_author_wrote",),
    ),
    Mutation(
        "only the first word of each kind introduces a quotation",
        "read",
        f"{QUOTES}::_words",
        Replace("getattr(words, field)", 'getattr(words, field).split("|")[0]'),
        (f"{LANGUAGES}::test_every_word_of_the_table_marks_a_quotation",),
    ),
    Mutation(
        "a date with its year is enough for an introduction",
        "read",
        f"{QUOTES}::_dated",
        Replace("time or early or names_day or certain or quoting", "True"),
        ("tests/unit/sync/test_quoted_mail.py::test_ordinary_prose_is_left_as_it_is",),
    ),
    Mutation(
        "new and updated are swapped in a notification",
        "read",
        "services/gateway/domain/notification_texts.py::_sync_completed",
        Replace(
            "ItemCounts(event.new, event.updated, event.removed)", "ItemCounts(event.updated, event.new, event.removed)"
        ),
        (f"{SENTENCES}::test_notifications_and_webhook_calls_read_as_their_golden_file",),
    ),
    Mutation(
        "a webhook call with a link that can't be opened",
        "read",
        "services/gateway/domain/webhook_delivery.py::notification_message",
        Replace("base_url + notification.link", "notification.link"),
        (f"{SENTENCES}::test_notifications_and_webhook_calls_read_as_their_golden_file",),
    ),
    Mutation(
        "seconds that are left pass for minutes",
        "read",
        "services/gateway/domain/sync_lines.py::eta_text",
        Replace("eta_seconds < 90", "eta_seconds > 90"),
        (f"{SENTENCES}::test_sentences_of_pages_and_of_the_api_read_as_their_golden_file",),
    ),
    Mutation(
        "facts that rest on the same as the model's points come first",
        "read",
        f"{POINTS}::filled",
        Replace("fresh + stale", "stale + fresh"),
        (GOLDEN,),
    ),
    Mutation(
        "what is answered waits on",
        "read",
        "services/contacts/store/waiting.py::list_unanswered",
        InText("WHERE later.found IS NULL", ""),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_unanswered_is_the_newest_message_of_its_thread_where_a_contact_wrote_it",
        ),
    ),
    Mutation(
        "who forges a contact's address waits on the user",
        "read",
        "services/contacts/store/waiting.py::list_mail_of_people",
        InText("NOT via AND NOT unauthenticated", "NOT via"),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_unanswered_is_the_newest_message_of_its_thread_where_a_contact_wrote_it",
        ),
    ),
    Mutation(
        "an answer from another account is none",
        "read",
        "services/contacts/store/waiting.py::list_unanswered",
        InText(
            "ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL"
            " JOIN interactions other ON other.id = s.interaction_id AND other.automated = ''",
            "ON s.interaction_id = own.interaction_id AND s.fact IS NOT NULL"
            " JOIN interactions other ON other.id = s.interaction_id AND other.automated = ''",
        ),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_an_answer_from_another_account_or_an_alias_is_an_answer",
        ),
    ),
    Mutation(
        "what was answered passes for open",
        "read",
        "services/prep/domain/talking_points/personal_facts.py::_waiting_for_me",
        Replace(
            "not _is_open(reading, past) or reading.later(past, 'outbound') or reading.met_since(past)",
            "reading.met_since(past)",
        ),
        (f"{FALLBACK}::test_nothing_false_is_stated",),
    ),
    Mutation(
        "a promise that was kept passes for open",
        "read",
        "services/prep/domain/talking_points/personal_facts.py::_is_kept",
        Replace("any(has_received(other.body) for other in reading.later(past, answer))", "False"),
        (f"{FALLBACK}::test_a_promise_is_kept_once_something_speaks_for_it",),
    ),
    Mutation(
        "what somebody else was asked passes for the user's",
        "read",
        "services/prep/domain/talking_points/personal_facts.py::Reading.names_meant",
        Replace("past.to_others", "False"),
        (f"{FALLBACK}::test_of_a_mail_to_several_what_somebody_else_is_asked_is_not_the_users",),
    ),
    Mutation(
        "a colleague's answer in a ticked calendar passes for the user's",
        "read",
        "services/sync/domain/meetings.py::_my_answer",
        Replace("not _is_own(person, own_addresses), not person.me", "False"),
        ("tests/unit/sync/test_sync_decisions.py::test_my_answer_is_mine_also_in_a_calendar_of_a_colleague",),
    ),
    Mutation(
        "pleasantries pass for questions",
        "read",
        "services/prep/domain/talking_points/sentences.py::is_pleasantry",
        Replace("not words or bool(PLEASANTRY.match(words))", "False"),
        ("tests/unit/prep/test_sentences.py::test_what_is_asked",),
    ),
    Mutation(
        "a conversation is looked for along the whole timeline",
        "read",
        "services/contacts/store/timelines.py::get_piece",
        Replace("wanted.thread is None", "True"),
        ("tests/integration/contacts/test_contacts_cost.py::test_what_a_page_reads_does_not_grow_with_the_mailbox",),
    ),
    Mutation(
        "names are read again for each few who are compared",
        "read",
        "services/contacts/duplicates.py::_read_names",
        Replace("set(contact_ids) - names.keys()", "set(contact_ids)"),
        (
            "tests/integration/contacts/test_contacts_duplicates.py::test_nobodys_name_is_read_again_for_each_few_who_are_compared",
        ),
    ),
)
