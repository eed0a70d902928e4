"""Where a sign-in may lead: to pages of ours, whatever somebody put into a link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.gateway.domain.sessions import own_path

OURS = URL("https://crm.example/login")


@pytest.mark.parametrize("path", ["/", "/meetings/1?preview", "/contacts?q=%C3%A9&sort=name", "/a//b", "/.."])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "x", "//evil.example", "/\\evil.example", "\\\\evil", "https://evil.example", "javascript:alert(1)", "/a\nb", "/ö", "/a b",
     "/x\\y", "/" + "x" * 500, "/\t/evil.example"],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_not(path: str) -> None:
    assert own_path(path) == ""


@given(st.text(alphabet="/\\.:@?#%x\t\n ", max_size=12))
def test_nothing_leads_to_another_host(path: str) -> None:
    if kept := own_path(path):
        assert OURS.join(URL(kept)).host == "crm.example"
