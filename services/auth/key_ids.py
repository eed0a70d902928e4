"""Prints the ids of the keys in PINGCRM_SECRET_KEYS, one a line: python -m services.auth.key_ids

An id stands in everything that is sealed with its key, and reveals nothing about it: whoever has sealed tokens, such as those of a
backup, finds out whether they will open.
"""

import sys

from libs.common.config import Settings
from services.auth.keyring import BadKey, Keyring


def main() -> None:
    """Exit code 1 with a sentence where a key can't be used."""
    try:
        keyring = Keyring.of(Settings())
    except BadKey as error:
        sys.exit(str(error))
    print(*keyring.ids, sep="\n")


if __name__ == "__main__":
    main()
