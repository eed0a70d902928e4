"""What browsers get of others' work is what its makers released: the hashes of `vendor.json`, licences beside it."""

import hashlib
import json

from services.gateway.pages.vendoring import HERE, MANIFEST


def test_vendored_files_are_those_of_the_manifest() -> None:
    packages = json.loads(MANIFEST.read_text())["packages"]
    files = {file["to"]: file["sha256"] for package in packages for file in package["files"]}
    found = {
        str(path.relative_to(HERE)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in HERE.rglob("*")
        if path.is_file() and path != MANIFEST
    }
    assert found == files
    assert all(any("LICENSE" in file["to"] for file in package["files"]) for package in packages)
