"""What others wrote on its way into mail, models, pages and calls; and what a connector or an integration may."""

from tests.sabotage.mutation import Mutation, Replace

POINTS = "tests/unit/prep/test_prep_points.py"
PHOTOS = "tests/unit/gateway/test_photo_rules.py"
PHOTO_PAGE = (
    "tests/integration/gateway/test_gateway_photos.py"
    "::test_a_photo_comes_from_google_by_way_of_us_and_anything_else_is_no_image"
)
INTEGRATIONS = "tests/integration/common/test_integrations.py"
GETS = f"{INTEGRATIONS}::test_an_integration_gets_what_it_was_given_of_whom_it_was_given_and_nothing_else"
PUBLISHES = (
    f"{INTEGRATIONS}::test_what_an_integration_publishes_reaches_the_product_and_what_is_wrong_with_it_comes_back"
)

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a mail that arrives is hidden as a brief",
        "edges",
        "services/sync/domain/mail.py::brief_token",
        Replace("token is None or _SENT not in message.labels", "token is None"),
        ("tests/unit/sync/test_sync_brief_tokens.py::test_the_header_alone_hides_nothing",),
    ),
    Mutation(
        "a mail of somebody else is hidden as a brief",
        "edges",
        "services/sync/domain/mail.py::brief_token",
        Replace("author is not None and is_me(author[1], me.own_addresses)", "True"),
        ("tests/unit/sync/test_sync_brief_tokens.py::test_the_header_alone_hides_nothing",),
    ),
    Mutation(
        "mails of one author under one Message-ID are one mail, whenever they were written",
        "edges",
        "services/contacts/domain/projection.py::_mails",
        Replace("_item(observation).dated", '""'),
        (
            "tests/unit/contacts/test_contacts_borders.py"
            "::test_mails_of_one_author_under_one_message_id_are_told_apart_by_their_dates",
        ),
    ),
    Mutation(
        "what is no handle links to a profile",
        "edges",
        "services/contacts/domain/identities.py::profile_url",
        Replace(
            'PLATFORMS[kind].profile.format(quote(handle, safe="")) if handle else ""',
            'PLATFORMS[kind].profile.format(quote(shown, safe=""))',
        ),
        (
            "tests/unit/contacts/test_contacts_handles.py"
            "::test_what_is_no_handle_of_a_known_platform_is_kept_and_never_taken_for_one",
        ),
    ),
    Mutation(
        "an integration publishes about users that it was not given",
        "others",
        "libs/common/integrations.py::published_subjects",
        Replace('[str(user) for user in grants.users] or ["*"]', '["*"]'),
        (PUBLISHES,),
    ),
    Mutation(
        "an integration publishes in another's name",
        "others",
        "libs/common/integrations.py::published_subjects",
        Replace('f"{event.subject}.{name}.{user}"', 'f"{event.subject}.*.{user}"'),
        (PUBLISHES,),
    ),
    Mutation(
        "an integration reads of users that it was not given",
        "others",
        "libs/common/integrations.py::subscribed_subjects",
        Replace('[str(user) for user in grants.users] or ["*"]', '["*"]'),
        (GETS,),
    ),
    Mutation(
        "an integration listens to everything",
        "others",
        "libs/common/topology.py::integration_permissions",
        Replace('(f"{inbox_prefix(user)}.>",)', '(">",)'),
        (GETS,),
    ),
    Mutation(
        "an integration reads what waits for another",
        "others",
        "libs/common/topology.py::integration_permissions",
        Replace(
            'f"$JS.API.CONSUMER.MSG.NEXT.{INTEGRATION_STREAM}.{name}"',
            'f"$JS.API.CONSUMER.MSG.NEXT.{INTEGRATION_STREAM}.*"',
        ),
        (GETS,),
    ),
    Mutation(
        "as much of a mail as there is goes to the model",
        "private",
        "services/prep/domain/clean.py::for_model",
        Replace(
            'line(plain.replace("<", "‹").replace(">", "›"), limit)',
            'plain.replace("<", "‹").replace(">", "›")',
        ),
        (f"{POINTS}::test_of_a_text_of_others_the_model_reads_the_beginning",),
    ),
    Mutation(
        "a talking point leads to a site that nobody gave",
        "edges",
        "services/prep/domain/talking_points/points.py::grounded",
        Replace("text and evidence and not has_link(text)", "text and evidence"),
        (f"{POINTS}::test_a_point_with_a_bare_domain_is_dropped_like_one_with_a_link",),
    ),
    Mutation(
        "without a model a brief has no points",
        "read",
        "services/prep/domain/talking_points/points.py::fact_points",
        Replace("(*chosen, *list(_general_points(dossier))[: max(0, FEWEST - len(chosen))])", "()"),
        ("tests/unit/prep/test_fallback_points.py::test_a_friends_facts_are_mentioned",),
    ),
    Mutation(
        "the model reads the access code of a call",
        "private",
        "services/prep/domain/clean.py::for_model",
        Replace('_CODE.sub("[code]", unlinked(text, 4 * limit))', "unlinked(text, 4 * limit)"),
        (f"{POINTS}::test_what_is_private_does_not_reach_the_model",),
    ),
    Mutation(
        "the model reads the number of a call",
        "private",
        "services/prep/domain/clean.py::for_model",
        Replace(
            '_NUMBER.sub("[number]", _CODE.sub("[code]", unlinked(text, 4 * limit)))',
            '_CODE.sub("[code]", unlinked(text, 4 * limit))',
        ),
        (f"{POINTS}::test_what_is_private_does_not_reach_the_model",),
    ),
    Mutation(
        "the model reads where a meeting is and how one joins it",
        "private",
        "services/prep/domain/prompt.py::prompt",
        Replace(
            'f"Title: {for_model(dossier.title, MAX_TEXT)}"',
            'f"Title: {for_model(dossier.title, MAX_TEXT)} {dossier.meeting}"',
        ),
        (f"{POINTS}::test_what_is_private_does_not_reach_the_model",),
    ),
    Mutation(
        "the model reads the address of a guest without a name",
        "private",
        "services/prep/domain/prompt.py::_person",
        Replace('person.name if person.name != person.address else "a guest without a name"', "person.name"),
        ("tests/unit/prep/test_golden_briefs.py::test_a_brief_reads_as_its_golden_file",),
    ),
    Mutation(
        "a server calls a private address that stands in the URL",
        "edges",
        "services/gateway/domain/public_hosts.py::CallableHosts.refuse",
        Replace('not self.has_address(host.strip("[]"))', "False"),
        (
            "tests/unit/gateway/test_gateway_public_hosts.py"
            "::test_a_server_s_operator_allows_networks_beside_the_public_internet",
        ),
    ),
    Mutation(
        "a photo is fetched from any host",
        "edges",
        "services/gateway/domain/photos.py::photo_source",
        Replace('not _GOOGLES.fullmatch(host) or parsed.raw_path in ("", "/")', 'parsed.raw_path in ("", "/")'),
        (f"{PHOTOS}::test_only_a_photo_at_google_is_fetched",),
    ),
    Mutation(
        "a photo is fetched without encryption",
        "private",
        "services/gateway/domain/photos.py::photo_source",
        Replace('parsed.scheme != "https"', "False"),
        (f"{PHOTOS}::test_only_a_photo_at_google_is_fetched",),
    ),
    Mutation(
        "a photo is fetched with a port of its card's choice",
        "edges",
        "services/gateway/domain/photos.py::photo_source",
        Replace("port is not None", "False"),
        (f"{PHOTOS}::test_only_a_photo_at_google_is_fetched",),
    ),
    Mutation(
        "a photo that never comes is waited for",
        "edges",
        "services/gateway/photos.py::PhotoFetcher._fetch",
        Replace("asyncio.timeout(TIMEOUT_SECONDS)", "asyncio.timeout(None)"),
        (PHOTO_PAGE,),
    ),
    Mutation(
        "a photo is as large as its host likes",
        "edges",
        "services/gateway/photos.py::_read",
        Replace("len(body) > MAX_BYTES", "False"),
        (f"{PHOTOS}::test_of_what_is_too_large_for_a_photo_no_more_is_read",),
    ),
    Mutation(
        "a photo that is no image is shown as one",
        "edges",
        "services/gateway/domain/photos.py::_image_type",
        Replace('""', '"image/svg+xml"'),
        (f"{PHOTOS}::test_an_image_is_known_by_its_first_bytes",),
    ),
    Mutation(
        "a photo that is a script runs it",
        "edges",
        "services/gateway/pages/photo.py::show_photo",
        Replace("\"default-src 'none'; sandbox\"", '"default-src *"'),
        (PHOTO_PAGE,),
    ),
)
