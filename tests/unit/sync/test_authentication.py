"""Authentication-Results: what Gmail says of a mail's author, and what strangers only make it repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.google_sim.oracle.authentication import fails_dmarc
from services.sync.domain.authentication import MAX_LENGTH, dmarc_verdict
from tests.support.strategies import hostile_forms

FAILS = "dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.com"


def gmails(sender: str, verdict: str = FAILS) -> str:
    """Gmail's header as it would be if it repeated the envelope's sender without any quoting."""
    return (
        f"mx.google.com; dkim=neutral header.i=@x.example; spf=pass (google.com: domain of {sender} designates 192.0.2.1 as "
        f"permitted sender) smtp.mailfrom={sender}; {verdict}"
    )


VERDICTS = [
    # the headers from the top, the verdict
    ([], "unknown"),
    (["mx.google.com; dkim=pass; dmarc=pass (p=NONE) header.from=x.org"], "pass"),
    (["mx.google.com;\r\n dkim=pass header.i=@x.org;\r\n dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=x.org"], "pass"),
    (["MX.Google.com 1; DMARC / 1 = Fail"], "fail"),
    (["(checked by) mx.google.com (Google); dmarc (the method) = (result) pass (p=NONE)"], "pass"),
    (["mx.google.com; none"], "unknown"),
    (["mx.google.com; dmarc=none"], "unknown"),
    (["mx.google.com; dmarc=temperror"], "unknown"),
    (["mx.google.com; dmarc=passed header.from=x.org"], "unknown"),
    # whose header it is
    (["evil.example; dmarc=pass", "mx.google.com; dmarc=fail"], "fail"),
    (["mx.google.com; spf=pass", "mx.google.com; dmarc=pass"], "unknown"),
    (["mx.google.com.evil.example; dmarc=pass"], "unknown"),
    (["mx.google.comevil; dmarc=pass"], "unknown"),
    (["mx.google.com@evil.example; dmarc=pass"], "unknown"),
    (['"mx.google.com"; dmarc=pass'], "unknown"),
    (["evil.example (mx.google.com); dmarc=pass"], "unknown"),
    (["evil.example; mx.google.com; dmarc=pass"], "unknown"),
    (["dmarc=pass"], "unknown"),
    ([""], "unknown"),
    # what is no method
    (["mx.google.com; spf=fail smtp.mailfrom=dmarc=pass@evil.com"], "unknown"),
    (["mx.google.com; spf=fail (google.com: domain of dmarc=pass@evil.com does not designate 192.0.2.1)"], "unknown"),
    (["mx.google.com; arc=pass (i=1 spf=pass dkim=pass dmarc=pass fromdomain=x.org)"], "unknown"),
    (["mx.google.com; arc=pass (i=1; dmarc=pass (p=NONE); x)"], "unknown"),
    (['mx.google.com; spf=pass reason="; dmarc=pass ;"'], "unknown"),
    (['mx.google.com; spf=pass smtp.mailfrom="\\"; dmarc=pass "@evil.com'], "unknown"),
    (["mx.google.com; xdmarc=pass; dmarc-x=pass; x.dmarc=pass; dmarc.x=pass"], "unknown"),
    (['mx.google.com; dmarc="pass"'], "unknown"),
    (['mx.google.com; dmarc=pass"or not"'], "unknown"),
    (["mx.google.com; dmarc=pass@evil.com"], "unknown"),
    (["mx.google.com dmarc=pass"], "unknown"),
    # several
    (["mx.google.com; dmarc=pass; dmarc=pass"], "pass"),
    (["mx.google.com; dmarc=pass; dmarc=fail"], "fail"),
    (["mx.google.com; dmarc=fail; dmarc=pass"], "fail"),
    (["mx.google.com; dmarc=none; dmarc=pass"], "unknown"),
    # what never ends, or never began
    (["mx.google.com; spf=pass (; dmarc=pass"], "unknown"),
    (['mx.google.com; spf=pass "; dmarc=pass'], "unknown"),
    (["mx.google.com; spf=pass ); dmarc=pass"], "unknown"),
    (["mx.google.com; spf=pass (\\); dmarc=pass"], "unknown"),
    (["mx.google.com; spf=pass (; dmarc=fail"], "fail"),
    (['mx.google.com; spf=pass "; dmarc=fail'], "fail"),
    (["mx.google.com; spf=pass (a (b); dmarc=fail (p=NONE)"], "fail"),
    (["mx.google.com; spf=pass (a (b); dmarc=fail(p=NONE)"], "fail"),
    # out of sight
    ([f"mx.google.com; spf=pass ({'x' * MAX_LENGTH}); dmarc=pass"], "fail"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "verdict"), VERDICTS)
def test_only_gmails_own_verdict_on_dmarc_counts(headers: list[str], verdict: str) -> None:
    assert dmarc_verdict(headers) == verdict


@pytest.mark.parametrize(
    "sender",
    [
        "dmarc=pass@evil.com",
        "a) ; dmarc=pass (b@evil.com",
        "(@evil.com",
        ")@evil.com",
        "((((@evil.com",
        '"@evil.com',
        '"a("@evil.com',
        '"; dmarc=pass "@evil.com',
        "; dmarc=pass @evil.com",
        '\\"; dmarc=pass @evil.com',
        "\\(@evil.com",
        "x" * MAX_LENGTH + "@evil.com",
    ],
)
def test_no_sender_of_an_envelope_turns_fail_into_anything_else(sender: str) -> None:
    assert dmarc_verdict([gmails(sender), "mx.google.com; dmarc=pass"]) == "fail"


@given(
    st.lists(
        st.sampled_from(["dmarc", "=", "pass", "fail", ";", " ", "(", ")", '"', "\\", "@", "x", "\r\n ", "/", "1"])
    )
)
def test_fail_stays_fail_whatever_gmail_repeats(pieces: list[str]) -> None:
    assert dmarc_verdict([gmails("".join(pieces))]) == "fail"


@given(st.text(max_size=300) | hostile_forms(), st.text(max_size=300) | hostile_forms())
def test_no_header_of_somebody_else_proves_anything(above: str, below: str) -> None:
    assert dmarc_verdict([f"x.example; {above}", f"y.example; {below}"]) == "unknown"


@given(
    st.lists(st.sampled_from(["dmarc=pass", "dmarc=fail", ";", " ", "a"])), st.sampled_from(["pass", "fail", "none"])
)
def test_what_is_in_a_comment_or_in_quotes_is_no_verdict(pieces: list[str], verdict: str) -> None:
    repeated = "".join(pieces)
    for aside in (f"({repeated})", f'x="{repeated}"', f"(({repeated}))"):
        expected = "unknown" if verdict == "none" else verdict
        assert dmarc_verdict([f"mx.google.com; spf=pass {aside}; dmarc={verdict}"]) == expected


@given(
    st.lists(
        st.sampled_from(
            ["mx.google.com", "dmarc", "=", "fail", "FAIL", "pass", ";", " ", "(", ")", '"', "\\", "/", "1", "x"]
        )
        | hostile_forms(40)
    )
)
def test_the_oracle_agrees_on_what_fails(pieces: list[str]) -> None:
    header = "".join(pieces)
    for value in (header, f"mx.google.com; {header}"):
        assert fails_dmarc([value]) == (dmarc_verdict([value]) == "fail")


@pytest.mark.parametrize(("headers", "verdict"), VERDICTS)
def test_the_oracle_agrees_on_each_header_of_the_table(headers: list[str], verdict: str) -> None:
    assert fails_dmarc(headers) == (verdict == "fail")
