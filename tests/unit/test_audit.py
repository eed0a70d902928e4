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


def test_a_report_names_what_is_vulnerable_and_how_much_was_compared() -> None:
    known = {"name": "aiohttp", "version": "3.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}]}
    well = {"name": "redis", "version": "8.1", "vulns": []}
    passed_over = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}
    assert audit.report([known, well, passed_over]) == [
        "aiohttp 3.0: PYSEC-1, mended in 3.1",
        "2 of 3 pins were compared, 1 known vulnerabilities.",
    ]
    assert audit.report([passed_over]) == ["0 of 1 pins were compared, 0 known vulnerabilities."]
