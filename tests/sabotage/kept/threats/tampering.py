"""To change what is not one's own, and to leave no trace."""

from tests.sabotage.mutation import Mutation, Replace

POINTS = "tests/unit/prep/test_prep_points.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "whatever carries the form of a token is hidden as a brief",
        "edges",
        "services/sync/domain/mail.py::read",
        Replace("brief_token(message, me) in brief_tokens", "brief_token(message, me) is not None"),
        ("tests/unit/sync/test_sync_brief_tokens.py::test_a_token_that_prep_does_not_know_hides_nothing",),
    ),
    Mutation(
        "mails of one Message-ID are one mail, whoever wrote them",
        "edges",
        "services/contacts/domain/projection.py::_mails",
        Replace(
            "by_author[_author_address(_item(observation))][_item(observation).dated].append(observation)",
            'by_author[None][""].append(observation)',
        ),
        (
            "tests/integration/contacts/test_contacts_mail.py"
            "::test_a_stranger_who_repeats_the_message_id_of_my_mail_adds_nobody_to_it",
        ),
    ),
    Mutation(
        "a connector reports mail as Google's",
        "edges",
        "services/contacts/domain/observations.py::is_reserved",
        Replace('"".join(filter(str.isalnum, plain)) in RESERVED_PLATFORMS', "False"),
        ("tests/integration/contacts/test_contacts_requests.py::test_nobody_but_google_reports_mail_and_meetings",),
    ),
    Mutation(
        "a service publishes the events of the others",
        "others",
        "libs/common/topology.py::permissions",
        Replace("service in event.published_by", "True"),
        ("tests/integration/common/test_nats_permissions.py::test_a_user_may_publish_exactly_its_own_subjects",),
    ),
    Mutation(
        "a service reads the keys of another in Redis",
        "others",
        "libs/common/cache_access.py::namespaces_of",
        Replace("(service,)", '(service, "sync")'),
        (
            "tests/integration/common/test_redis_permissions.py"
            "::test_the_keys_of_a_service_are_closed_to_the_logins_of_the_others",
        ),
    ),
    Mutation(
        "a sign-in that somebody wrote into Redis is finished",
        "others",
        "services/auth/authorization.py::take_pending",
        Replace(
            'context.keyring.open(sealed, key, "sign_in")',
            'sealed if sealed.startswith(b"{") else context.keyring.open(sealed, key, "sign_in")',
        ),
        ("tests/integration/auth/test_auth_pending_sign_ins.py::test_what_somebody_wrote_into_redis_signs_nobody_in",),
    ),
    Mutation(
        "what others wrote is markup in pages",
        "edges",
        "services/gateway/pages/render.py::Renderer.__init__",
        Replace(
            'Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,'
            " lstrip_blocks=True)",
            'Environment(loader=FileSystemLoader(HERE / "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)',
        ),
        ("tests/integration/gateway/test_gateway_sign_in.py::test_what_others_wrote_is_shown_as_text",),
    ),
    Mutation(
        "what others wrote is markup in briefs",
        "edges",
        "services/prep/rendering.py::_environment",
        Replace("select_autoescape(...)", "False"),
        ("tests/unit/prep/test_prep_email.py::test_nothing_that_others_wrote_becomes_html",),
    ),
    Mutation(
        "a mail ends the fence around it and speaks to the model",
        "edges",
        "services/prep/domain/clean.py::for_model",
        Replace('plain.replace("<", "‹").replace(">", "›")', "plain"),
        (f"{POINTS}::test_the_fence_cannot_be_closed_from_inside",),
    ),
    Mutation(
        "the model makes points of nothing",
        "edges",
        "services/prep/domain/talking_points/points.py::grounded",
        Replace("text and evidence and not has_link(text)", "text and not has_link(text)"),
        (f"{POINTS}::test_points_that_rest_on_nothing_given_are_dropped",),
    ),
    Mutation(
        "a meeting's link runs a script",
        "edges",
        "libs/common/resources/calendar.py::_video_url",
        Replace('url.startswith("https://") and url.isprintable()', "url.isprintable()"),
        ("tests/unit/sync/test_sync_decisions.py::test_only_links_that_are_https_are_shown",),
    ),
    Mutation(
        "the second try of a creation creates another one",
        "twice",
        "libs/common/idempotency.py::creation_id",
        Replace("command.id_of(what) if command else new_id()", "new_id()"),
        (
            "tests/integration/gateway/test_gateway_idempotency.py"
            "::test_a_contact_that_is_created_again_after_a_503_is_a_single_one",
        ),
    ),
    Mutation(
        "of a mail that is not known here Gmail is not asked",
        "read",
        "services/sync/domain/why.py::search_for",
        Replace("_SEARCHABLE.fullmatch(name)", "False"),
        ("tests/integration/sync/test_sync_audit.py::test_why_explains_what_became_of_every_message",),
    ),
    Mutation(
        "a meeting that was declined is briefed",
        "edges",
        "services/prep/domain/rules.py::_event_reason",
        Replace('meeting.my_answer == "declined"', "False"),
        ("tests/unit/prep/test_prep_rules.py::test_a_meeting_is_skipped_for_the_right_reason",),
    ),
    Mutation(
        "the undoing of a merge leaves everything with the survivor",
        "lost",
        "services/contacts/merges.py::undo",
        Replace("await move_belongings(connection, belongings, survivor_id, other_id)", ""),
        ("tests/integration/contacts/test_contacts_people.py::test_merge_and_undo_are_exact",),
    ),
)
