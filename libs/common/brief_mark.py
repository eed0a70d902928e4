"""How a brief is marked as one: a header of its own, and in it a token that `prep` made for this brief alone. Pure.

Anybody can write the header. Whether a token is that of a brief, only `prep` knows: FindBriefTokens.
"""

import re

BRIEF_HEADER = "X-PingCRM-Prep"
_TOKEN = re.compile(r"pcrm[a-z2-7]{20}")


def is_brief_token(text: str) -> bool:
    """Whether this may be a token at all: `pcrm` and 100 bits in base32."""
    return _TOKEN.fullmatch(text) is not None
