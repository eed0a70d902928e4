"""deploy/Caddyfile: what the proxy of docker-compose.yml does, and that Caddy reads it so where it is installed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.local import ROOT

FILE = ROOT / "deploy" / "Caddyfile"
CONTAINERS = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
CADDY = shutil.which("caddy")


def test_it_listens_where_the_compose_file_publishes_and_asks_and_passes_on_to_the_gateway() -> None:
    text = FILE.read_text()
    http, https = (re.search(rf"{name} (\d+)\n", text)[1] for name in ("http_port", "https_port"))  # type: ignore[index]
    assert CONTAINERS["proxy"]["ports"] == [
        f"${{PINGCRM_HTTP_PORT:-80}}:{http}",
        f"${{PINGCRM_HTTPS_PORT:-443}}:{https}",
    ]
    (asked,) = re.findall(r"^(http://127\.0\.0\.1:\d+) \{", text, re.MULTILINE)
    assert f"{asked}/" in CONTAINERS["proxy"]["healthcheck"]["test"]
    assert f"reverse_proxy gateway:{CONTAINERS['gateway']['ports'][0].rpartition(':')[2]}\n" in text
    assert set(re.findall(r"\{\$(\w+)", text)) == set(CONTAINERS["proxy"]["environment"])
    assert "\tadmin off\n" in text


@pytest.mark.skipif(CADDY is None, reason="Caddy is not installed; the other test looks at the file")
@pytest.mark.parametrize(
    ("tls", "issuers"), [("", None), ("tls internal", {"internal"}), ("tls a@example.org", {"acme", "zerossl"})]
)
def test_caddy_reads_it_and_shows_the_metrics_to_nobody(tmp_path: Path, tls: str, issuers: set[str] | None) -> None:
    done = subprocess.run(
        [str(CADDY), "adapt", "--validate", "--config", str(FILE)], capture_output=True, text=True,
        env={"PATH": os.defpath, "HOME": str(tmp_path), "PINGCRM_DOMAIN": "crm.example.org", "PINGCRM_TLS": tls},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)["apps"]
    (site,) = (server["routes"] for server in read["http"]["servers"].values() if server["listen"] == [":8443"])
    assert [match["host"] for route in site for match in route["match"]] == [["crm.example.org"]]
    first, second = site[0]["handle"][0]["routes"]
    assert (first["match"], first["handle"][0]["status_code"]) == ([{"path": ["/metrics"]}], 404)
    assert second["handle"][0]["upstreams"] == [{"dial": "gateway:8025"}]
    policies = read.get("tls", {}).get("automation", {}).get("policies", [])
    assert {issuer["module"] for policy in policies for issuer in policy["issuers"]} == (issuers or set())
