"""Takes out of an image's packages what PingCRM never reads. `deploy/Dockerfile` runs it once, when they are installed.

It needs nothing but Python. What it leaves is tried in the same build: `deploy/import_everything.py` imports every module of the product.
"""

import shutil
import struct
import sys
import sysconfig
from pathlib import Path

# google-api-python-client brings the description of every API that Google has, 110 MB. These are read, by libs/common/google/api.py.
DISCOVERY_DOCUMENTS = frozenset({"gmail.v1", "calendar.v3", "people.v1"})

# Where a phone number is from, its carrier and its time zone. Numbers are parsed and formatted, no more.
UNUSED_FOLDERS = ("phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata")

# What colours program texts, of which none are printed; tests; what compilers, type checkers and installers read.
UNUSED_FILES = (
    "pygments/lexers/[!_]*.py", "pygments/lexers/_*_builtins.py", "icalendar/tests/**/*", "jsonschema/tests/**/*", "referencing/tests/**/*",
    "**/*.pyx", "**/*.pxd", "**/*.pxi", "**/*.proto", "**/*.pyi", "**/*.h", "*.dist-info/RECORD",
)  # fmt: skip

ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"


def main() -> None:
    """The packages of the Python that runs this, or of the folder that the command line names."""
    packages = Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("purelib"))
    removed = slim(packages)
    print(f"Took {removed / 1e6:,.0f} MB out of {packages}.")


def slim(packages: Path) -> int:
    """The bytes that were removed."""
    before = _size(packages)
    for document in (packages / "googleapiclient" / "discovery_cache" / "documents").glob("*.json"):
        if document.stem not in DISCOVERY_DOCUMENTS:
            document.unlink()
    for folder in UNUSED_FOLDERS:
        shutil.rmtree(packages / folder, ignore_errors=True)
    for pattern in UNUSED_FILES:
        for file in list(packages.glob(pattern)):
            if file.is_file():
                file.unlink()
    for library in packages.rglob("*.so*"):
        content = library.read_bytes()
        loaded = without_debug_information(content)
        if len(loaded) < len(content):
            library.write_bytes(loaded)
    return before - _size(packages)


def without_debug_information(library: bytes) -> bytes:
    """An ELF file as far as it is loaded: symbols for debuggers lie behind that, and the list of sections, which no loader reads.

    What is no ELF file of 64 bits comes back as it is.
    """
    if not library.startswith(ELF64_LITTLE_ENDIAN):
        return library
    (table,) = struct.unpack_from("<Q", library, 32)
    entry_size, entries = struct.unpack_from("<HH", library, 54)
    segments = [struct.unpack_from("<8xQ16xQ", library, table + number * entry_size) for number in range(entries)]
    end = max(table + entry_size * entries, *(offset + size for offset, size in segments))
    loaded = bytearray(library[:end])
    struct.pack_into("<Q", loaded, 40, 0)  # where the list of sections is
    struct.pack_into("<HH", loaded, 60, 0, 0)  # how many there are, and which holds their names
    return bytes(loaded)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
