"""`make audit` where the advisories can't be reached: nothing was compared, and that is what it prints."""

import pytest

from tests import audit


def test_without_the_advisories_it_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:1/"
    assert "refused" in audit.why_unreachable(nowhere)
    monkeypatch.setattr(audit, "why_unreachable", lambda: "Connection refused")
    assert audit.main() == 0
    assert capsys.readouterr().out.startswith("Skipped: the advisories at https://pypi.org")
