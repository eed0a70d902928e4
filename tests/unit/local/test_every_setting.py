"""Every setting, one by one: what is good is accepted, and what is not is refused in one sentence with its name and what to do."""

import re
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from libs.common.config import Settings, settings_from
from libs.common.config.definitions import Definition, definitions, read_settings, sentences
from libs.common.ids import SERVICES
from libs.local import ROOT, secrets
from libs.local.data_dir import default_data_dir
from libs.local.doctor import check_names
from libs.local.doctor.folder import check_data_dir
from libs.local.doctor.settings import check_settings
from libs.local.environment import redis_url_name

ALL = list(definitions().values())
BAD = [(definition, value) for definition in ALL for value in definition.format.bad]
GOOD = [(definition, value) for definition in ALL for value in definition.format.good]


# What a setting is only looked at with.
BESIDE = {
    "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS": {
        "PINGCRM_GOOGLE_PUBSUB_TOPIC": "projects/p/topics/t",
        "PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION": "projects/p/subscriptions/s",
    }
}


def id_of(value: object) -> str:
    return value.name.removeprefix("PINGCRM_") if isinstance(value, Definition) else str(value)[:20]


def refusals(environment: dict[str, str]) -> list[str]:
    """What `doctor` finds wrong with it and `up` therefore refuses, servers and ports apart."""
    return [*_refusals_of_settings(environment), *_refusals_of_folder(environment)]


def _refusals_of_settings(environment: dict[str, str]) -> Iterator[str]:
    yield from (finding.sentence for finding in check_names(environment) if finding.level == "wrong")
    try:
        settings = settings_from(environment)
    except ValidationError as error:
        yield from sentences(error)
    else:
        yield from (finding.sentence for finding in check_settings(settings) if finding.level == "wrong")


def _refusals_of_folder(environment: dict[str, str]) -> Iterator[str]:
    if "PINGCRM_DATA_DIR" in environment:
        findings = check_data_dir(default_data_dir(environment), {"PINGCRM_POSTGRES_URL": "elsewhere"})
        yield from (finding.sentence for finding in findings if finding.level == "wrong")


def test_every_setting_has_values_to_try_and_words_for_its_default() -> None:
    for definition in ALL:
        assert definition.format.bad, definition.name
        assert definition.default, definition.name
        assert definition.description, definition.name
        assert not definition.description.endswith("."), definition.name


@pytest.mark.parametrize(("definition", "value"), GOOD, ids=id_of)
def test_a_good_value_is_accepted(definition: Definition, value: str) -> None:
    settings = settings_from({definition.name: value}).model_dump()
    assert Settings(**settings).model_dump() == settings, "what was read once is read the same again"


@pytest.mark.parametrize(("definition", "value"), BAD, ids=id_of)
def test_a_bad_value_is_refused_in_one_sentence_with_its_name_and_what_to_do(
    definition: Definition, value: str
) -> None:
    [sentence] = refusals({**BESIDE.get(definition.name, {}), definition.name: value})
    assert definition.name in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert "\n" not in sentence
    assert definition.format.text in sentence or "choose another with --data-dir" in sentence
    if definition.format.private:
        assert value in definition.format.text or value == "," or value not in sentence, "it may be a password"


@pytest.mark.parametrize("definition", ALL, ids=id_of)
def test_an_empty_value_is_as_good_as_none(definition: Definition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(definition.name, "")
    assert refusals({definition.name: ""}) == []
    assert Settings().model_dump() == settings_from({}).model_dump() == read_settings().model_dump()


@pytest.mark.parametrize("definition", ALL, ids=id_of)
def test_a_slip_in_a_name_is_refused_with_the_name_that_was_meant(definition: Definition) -> None:
    written = f"{definition.name}S"
    assert refusals({written: "1"}) == [f"{written} is no setting of PingCRM: write {definition.name}, or unset it."]


def test_a_name_that_resembles_none_is_noted_and_what_others_read_is_not() -> None:
    known = [*secrets.NAMES, *map(redis_url_name, SERVICES), *(definition.name for definition in ALL)]
    pages = [page.read_text() for page in (ROOT / "docs" / "build").rglob("*") if page.suffix in (".md", ".py", ".ts")]
    of_programs = {name for text in pages for name in re.findall(r"\bPINGCRM_[A-Z_]*[A-Z]\b", text)}
    assert "PINGCRM_TOKEN" in of_programs
    ours = dict.fromkeys([*known, *of_programs, "PINGCRM_PROOF_EXAMPLES", "PATH"], "1")
    assert list(check_names(ours)) == []
    [finding] = check_names({**ours, "PINGCRM_FAVOURITE_COLOUR": "red"})
    assert (finding.level, finding.sentence) == (
        "note",
        "PINGCRM_FAVOURITE_COLOUR is no setting of PingCRM and has no effect: unset it.",
    )


def test_every_name_that_containers_manifests_and_their_scripts_use_is_known() -> None:
    folders = [ROOT / "deploy", ROOT / "tests" / "containers"]
    files = [ROOT / "docker-compose.yml", *(path for folder in folders for path in folder.rglob("*") if path.is_file())]
    texts = [path.read_text() for path in files if path.suffix != ".pyc"]
    used = {name for text in texts for name in re.findall(r"\bPINGCRM_[A-Z_]*[A-Z]\b", text)}
    assert {
        "PINGCRM_DOMAIN",
        "PINGCRM_CADDY_IMAGE",
        "PINGCRM_NATS_MEMORY",
        "PINGCRM_ENGINE",
        "PINGCRM_HTTP_PORT",
    } <= used
    assert [finding.sentence for finding in check_names(dict.fromkeys(used, "1"))] == []


def test_other_variables_of_opentelemetry_are_left_to_it_and_ours_of_that_name_to_nobody() -> None:
    its_own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_SERVICE_NAME")
    assert list(check_names(dict.fromkeys(its_own, "1"))) == []
    assert refusals({"PINGCRM_OTEL_TRACES_SAMPLER": "always_on"}) == [
        "PINGCRM_OTEL_TRACES_SAMPLER is no setting of PingCRM: write OTEL_TRACES_SAMPLER, or unset it."
    ]


def test_several_mistakes_are_reported_at_once_and_a_long_value_is_shown_in_part() -> None:
    environment = {"PINGCRM_PORT": "99999", "PINGCRM_POOL_SIZE": "9" * 400, "PINGCRM_GMAIL_UNITS": "{bad"}
    assert refusals(environment) == [
        "PINGCRM_PORT must be a whole number from 0 to 65535, not '99999'.",
        'PINGCRM_GMAIL_UNITS must be prices by method as JSON, such as {"messages.get": 5}: that is no JSON.',
        f"PINGCRM_POOL_SIZE must be a whole number from 1 to 1000, not '{'9' * 60}…'.",
    ]


def test_what_a_process_can_not_use_ends_it_with_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINGCRM_SECRET_KEYS", ",")
    monkeypatch.setenv("PINGCRM_PORT", "-1")
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert [sentence.split()[0] for sentence in str(ended.value).splitlines()] == [
        "PINGCRM_PORT",
        "PINGCRM_SECRET_KEYS",
    ]


def test_settings_of_a_given_environment_are_read_from_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINGCRM_PORT", "1")
    assert settings_from({}).port == 8025
    assert Settings().port == 1


def test_an_ipv6_address_stands_in_brackets_in_the_url_where_people_reach_it() -> None:
    assert (
        settings_from({"PINGCRM_HOST": "::1", "PINGCRM_PORT": "80"}).redirect_uri
        == "http://[::1]:80/oauth/google/callback"
    )
