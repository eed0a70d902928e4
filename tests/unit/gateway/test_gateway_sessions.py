"""Where a request that carries a cookie must come from, and what cookies are called."""

import pytest

from services.gateway.domain.sessions import cookie_name, origin


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("https://crm.example.com", "https://crm.example.com:443", True),
        ("https://CRM.example.com", "https://crm.example.com/path", True),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025", True),
        ("http://crm.example.com", "https://crm.example.com", False),
        ("https://crm.example.com.evil.example", "https://crm.example.com", False),
        ("https://crm.example.com:8443", "https://crm.example.com", False),
        ("http://127.0.0.1:8025", "http://localhost:8025", False),
        ("null", "https://crm.example.com", False),
        ("", "https://crm.example.com", False),
        ("http://[bad", "https://crm.example.com", False),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(left: str, right: str, same: bool) -> None:
    assert (origin(left) == origin(right)) is same


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://crm.example.com", "__Host-pingcrm_session"),
        ("HTTPS://crm.example.com", "__Host-pingcrm_session"),
        ("http://127.0.0.1:8025", "pingcrm_session"),  # browsers refuse the prefix without https
        ("http://localhost:8025", "pingcrm_session"),
    ],
)
def test_cookies_have_the_prefix_that_nobody_else_can_plant_where_people_come_over_https(
    base_url: str, name: str
) -> None:
    assert cookie_name("pingcrm_session", base_url) == name
