"""`make vendor`: what browsers need from others' packages, taken from their releases into `vendor/`, with licences and hashes.

Needs npm, whose client knows where packages are. `vendor.json` names the versions; a test compares the files with its hashes.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent / "vendor"
MANIFEST = HERE / "vendor.json"


def main() -> int:
    """Fetch each package of the manifest, copy its files, write their hashes."""
    manifest = json.loads(MANIFEST.read_text())
    for package in manifest["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            contents = _fetch(f"{package['name']}@{package['version']}", Path(folder))
            for file in package["files"]:
                data = (contents / file["from"]).read_bytes()
                target = HERE / file["to"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                file["sha256"] = hashlib.sha256(data).hexdigest()
        print(f"{package['name']} {package['version']}: {len(package['files'])} files")
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")
    return 0


def _fetch(package: str, folder: Path) -> Path:
    packed = subprocess.run(  # noqa: S603  names and versions of our own manifest
        ["npm", "pack", "--silent", "--pack-destination", str(folder), package],  # noqa: S607  npm is where the developer has it
        check=True, capture_output=True, text=True, cwd=folder,
    ).stdout.split()[-1]  # fmt: skip
    with tarfile.open(folder / packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


if __name__ == "__main__":
    sys.exit(main())
