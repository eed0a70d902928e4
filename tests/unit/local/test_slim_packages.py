"""What the image's packages are slimmed by: never what the product reads."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import googleapiclient.discovery_cache
import pytest

from deploy.slim_packages import DISCOVERY_DOCUMENTS, UNUSED_FOLDERS, slim, without_debug_information
from libs.common.config import Settings
from libs.common.google import api
from libs.local import ROOT

DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """A folder of packages with a few of those that are installed."""
    documents = tmp_path / "googleapiclient" / "discovery_cache" / "documents"
    documents.mkdir(parents=True)
    for name in (*api.DOCUMENTS, "gmailpostmastertools.v1", "drive.v3", "index"):
        if (DOCUMENTS / f"{name}.json").exists():
            shutil.copy(DOCUMENTS / f"{name}.json", documents)
    for folder in UNUSED_FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "data0.py").write_text("data = {}\n")
    for name in ("multidict", "propcache"):
        found = find_spec(name)
        assert found
        assert found.origin
        shutil.copytree(Path(found.origin).parent, tmp_path / name)
    yield tmp_path
    api._document.cache_clear()


async def test_the_documents_that_the_product_reads_are_left_and_load(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slim(packages) > 0
    documents = packages / "googleapiclient" / "discovery_cache" / "documents"
    assert {file.stem for file in documents.iterdir()} == set(api.DOCUMENTS) == DISCOVERY_DOCUMENTS
    monkeypatch.setattr(googleapiclient.discovery_cache, "__file__", str(documents.parent / "__init__.py"))
    api._document.cache_clear()
    unlimited = Settings(gmail_units_per_minute=0, gmail_project_units_per_minute=0)
    async with aiohttp.ClientSession() as http:
        api.Google(unlimited, http)


def test_libraries_lose_what_is_for_debuggers_and_load_as_before(packages: Path) -> None:
    before = sum(file.stat().st_size for file in packages.rglob("*.so"))
    slim(packages)
    assert sum(file.stat().st_size for file in packages.rglob("*.so")) < before / 2
    program = (
        f"import sys; sys.path.insert(0, {str(packages)!r})\n"
        "import multidict._multidict, propcache._helpers_c\n"
        "assert multidict._multidict.__file__.startswith(sys.path[0])\n"
        "print(multidict.MultiDict(a=1))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=packages)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01 of 32 bits"])
def test_what_is_no_library_stays_as_it_is(content: bytes) -> None:
    assert without_debug_information(content) == content


def test_programs_keep_what_runs_and_lose_what_compilers_checkers_and_installers_read(packages: Path) -> None:
    kept, lost = (
        ["a/run.py", "a/data.json", "a-1.dist-info/METADATA"],
        ["a/fast.pyx", "a/run.pyi", "a-1.dist-info/RECORD"],
    )
    for name in (*kept, *lost):
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_text("x")
    slim(packages)
    assert [name for name in (*kept, *lost) if (packages / name).exists()] == kept


def test_nothing_reads_the_folders_that_are_taken_out() -> None:
    """All modules that know of phone numbers, in a Python where those folders are not to be had."""
    unused = [folder.replace("/", ".") for folder in UNUSED_FOLDERS]
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({unused!r}))\n"  # None: ImportError
        "import libs.common.addresses, libs.google_sim.sample.contacts, libs.google_sim.oracle.cards\n"
        "import phonenumbers\n"
        "number = phonenumbers.parse('+41 44 668 18 00', None)\n"
        "print(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "+41446681800\n", done.stderr
    known = {
        path.relative_to(ROOT).as_posix()
        for root in ("services", "libs")
        for path in (ROOT / root).rglob("*.py")
        if "phonenumbers" in path.read_text()
    }
    assert known == {
        "libs/common/addresses.py",
        "libs/google_sim/sample/contacts.py",
        "libs/google_sim/oracle/cards.py",
    }
