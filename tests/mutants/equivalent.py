"""Mutants that change nothing that anybody could see, each with the reason. They are not sampled.

By module and change as a report prints them. The list is short on purpose: what can matter gets a test.
"""

EQUIVALENT: dict[str, dict[str, str]] = {
    "libs/common/google/oauth.py": {
        'def policy_of(error: str, subtype: str = "") -> Policy | None:'
        ' → def policy_of(error: str, subtype: str = "XXXX") -> Policy '
        "| None:": "Neither is the name of a policy.",
        "access_token: str = field(repr=False) → access_token: str = field(repr=None)": "None is as false.",
        "refresh_token: str | None = field(repr=False) → refresh_token:"
        " str | None = field(repr=None)": "None is as false.",
        "id_token: str | None = field(repr=False) → id_token: str | None = field(repr=None)": "None is as false.",
        "client_secret: str = field(repr=False) → client_secret: str = field(repr=None)": "None is as false.",
    },
    "libs/common/pagination.py": {
        "if wanted is int and not -(2**63) <= int(str(part)) < 2**63: →"
        " if wanted is int and not -(3**63) <= int(str(part)) < 2**63:": "The parser of tokens takes no number below -(2**63).",
    },
    "services/gateway/sessions/authentication.py": {
        'return bearer_token(request.headers.get("Authorization", "")) '
        '→ return bearer_token(request.headers.get("AUTHORIZATION", "")'
        ")": "Names of headers have no case.",
    },
    "services/contacts/domain/projection.py": {
        "counts[observation.source_id] += 1 → counts[observation.source"
        "_id] -= 1": "The numbers only tell copies apart.",
    },
    "libs/common/encoded_words.py": {
        '_CONTROLS = re.compile(r"[\\x00-\\x1f\\x7f-\\x9f\\u200b\\u200e\\u200f'
        '\\u2028-\\u202e\\u2060-\\u2064\\ufeff]") → _CONTROLS = re.compile(r'
        '"[\\x00-\\x1F\\x7F-\\x9F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u20'
        '64\\uFEFF]")': "The digits of an escape have no case.",
        '_STRAY_JOINER = re.compile(r"(?<![\\u0590-\\u1fff\\u2190-\\u2bff\\u'
        '3000-\\ufefe\\uff00-\\U0010ffff])[\\u200c\\u200d]") → _STRAY_JOINER'
        ' = re.compile(r"(?<![\\u0590-\\u1FFF\\u2190-\\u2BFF\\u3000-\\uFEFE\\u'
        'FF00-\\U0010FFFF])[\\u200C\\u200D]")': "The digits of an escape have no case.",
        'decoded = _decoded(text) if "=?" in text else text → decoded ='
        ' _decoded(text) if ("=?" in text) or True else text': "Where nothing begins nothing is decoded.",
        "visible = decoded if decoded.isascii() else _STRAY_JOINER.sub("
        '"", decoded) → visible = decoded if (decoded.isascii()) and Fa'
        'lse else _STRAY_JOINER.sub("", decoded)': "There are no joiners in ASCII.",
        "if closing < 0: → if closing <= 0:": "What closes stands behind what opens.",
        "if closing < 0: → if closing < 1:": "What closes stands behind what opens.",
        'raw = _q_bytes(encoded, charset) if opening[2] in "qQ" else _b'
        "_bytes(encoded) → raw = _q_bytes(encoded, charset) if opening["
        '2] in "XXqQXX" else _b_bytes(encoded)': "The pattern admits no X there.",
        'plain = encoded.replace("_", " ").encode("ascii" if encoded.is'
        'ascii() else _codec(charset), "replace") → plain = encoded.rep'
        'lace("_", " ").encode("ascii" if (encoded.isascii()) and False'
        ' else _codec(charset), "replace")': "All charsets that mail has contain ASCII.",
        'bare = encoded.rstrip("=").strip() → bare = encoded.rstrip(None).strip()': "Too much padding is no error.",
        'bare = encoded.rstrip("=").strip() → bare = encoded.lstrip("=").strip()': "Too much padding is no error.",
        'raw = binascii.a2b_base64(bare + "=" * (-len(bare) % 4)) → raw'
        ' = binascii.a2b_base64(bare + "=" * (+len(bare) % 4))': "Too much padding is no error.",
        '"".encode(name)  # not every codec is one of text → "XXXX".enc'
        "ode(name)  # not every codec is one of text": "What encodes nothing encodes no ASCII either.",
    },
    "services/gateway/domain/public_hosts.py": {
        'TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96",'
        ' "2002::/16", "2001::/32", "::/96"))) → TRANSLATED = tuple(map'
        '(ipaddress.IPv6Network, ("64:FF9B::/96", "2002::/16", "2001::/'
        '32", "::/96")))': "The digits of an address have no case.",
        'return is_private_host(URL(base_url).host or "") → return is_p'
        'rivate_host(URL(base_url).host or "XXXX")': "Neither is an address or local.",
    },
    "services/sync/domain/quotes.py": {
        "_LONGEST_OPENING = 20 → _LONGEST_OPENING = 21": "The longest one has 12 characters.",
        "_LONGEST_RULE = 40 → _LONGEST_RULE = 41": "The pattern has the same bound.",
        'return "|".join(re.escape(word) for word in sorted(words, key='
        'len, reverse=True)) → return "|".join(re.escape(word) for word'
        " in sorted(words, key=None, reverse=True))": "Behind the words stands what a shorter one does not fit, so another is tried.",
        'return "|".join(re.escape(word) for word in sorted(words, key='
        'len, reverse=True)) → return "|".join(re.escape(word) for word'
        " in sorted(words, reverse=True))": "Behind the words stands what a shorter one does not fit, so another is tried.",
        'return "|".join(re.escape(word) for word in sorted(words, key='
        'len, reverse=True)) → return "|".join(re.escape(word) for word'
        " in sorted(words, key=len, ))": "Behind the words stands what a shorter one does not fit, so another is tried.",
        'return "|".join(re.escape(word) for word in sorted(words, key='
        'len, reverse=True)) → return "|".join(re.escape(word) for word'
        " in sorted(words, key=len, reverse=False))": "Behind the words stands what a shorter one does not fit, so another is tried.",
        'return "|".join(re.escape(word) for word in sorted(words, key='
        'len, reverse=True)) → return "|".join(re.escape(word) for word'
        " in sorted(words, key=len, reverse=None))": "Behind the words stands what a shorter one does not fit, so another is tried.",
        '"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",'
        ' "sept", "oct", "nov", "dec", "january", "february", "march", '
        '"april", → "jan", "feb", "XXmarXX", "apr", "may", "jun", "jul"'
        ', "aug", "sep", "sept", "oct", "nov", "dec", "january", "febru'
        'ary", "march", "april",': "It is a weekday of French, too.",
        '"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",'
        ' "sept", "oct", "nov", "dec", "january", "february", "march", '
        '"april", → "jan", "feb", "MAR", "apr", "may", "jun", "jul", "a'
        'ug", "sep", "sept", "oct", "nov", "dec", "january", "february"'
        ', "march", "april",': "It is a weekday of French, too.",
        "rf\"(?:^|(?<=[\\s>*_]))\\*?(?:{'|'.join(_header_block(words) for "
        "words in REPLY_WORDS.values() if words.sender and words.sent)}"
        ")\" → rf\"(?:^|(?<=[\\s>*_]))\\*?(?:{'|'.join(_header_block(words)"
        " for words in REPLY_WORDS.values() if words.sender or words.se"
        'nt)})"': "A language that has the one has the other.",
        'for found in islice(_RULED.finditer(text), _MAX_COLONS) if "--'
        '-" in text or "———" in text or "–––" in text else (): → for fo'
        'und in islice(_RULED.finditer(text), _MAX_COLONS) if ("---" in'
        ' text or "———" in text or "–––" in text) or True else ():': "Only faster: without a rule the pattern finds nothing.",
        'for found in islice(_RULED.finditer(text), _MAX_COLONS) if "--'
        '-" in text or "———" in text or "–––" in text else (): → for fo'
        'und in islice(_RULED.finditer(text), _MAX_COLONS) if "---" in '
        'text or "———" in text or "–––" not in text else ():': "Only faster: without a rule the pattern finds nothing.",
        "return start if start is not None else _dated(text, floor, end"
        ", certain=False) → return start if start is not None else _dat"
        "ed(text, floor, end, certain=None)": "None is as false.",
        "return start if start is not None else _dated(text, floor, flo"
        "or + address.start(), certain=False) → return start if start i"
        "s not None else _dated(text, floor, floor + address.start(), c"
        "ertain=None)": "None is as false.",
        "found = _WROTE_THEN_DATE.search(before) if _YEAR.search(before"
        ") else None → found = _WROTE_THEN_DATE.search(before) if (_YEA"
        "R.search(before)) or True else None": "Only faster: the year is looked for again.",
        "if not any(text.find(verb, floor, end) >= 0 for verb in _VERBS"
        "_BEFORE_PERSON): → if not any(text.find(verb, None, end) >= 0 "
        "for verb in _VERBS_BEFORE_PERSON):": "Only faster: the verb is looked for again.",
        "if not any(text.find(verb, floor, end) >= 0 for verb in _VERBS"
        "_BEFORE_PERSON): → if not any(text.find(verb, floor, None) >= "
        "0 for verb in _VERBS_BEFORE_PERSON):": "Only faster: the verb is looked for again.",
        "if not any(text.find(verb, floor, end) >= 0 for verb in _VERBS"
        "_BEFORE_PERSON): → if not any(text.find(verb, floor, ) >= 0 fo"
        "r verb in _VERBS_BEFORE_PERSON):": "Only faster: the verb is looked for again.",
        "if not any(text.find(verb, floor, end) >= 0 for verb in _VERBS"
        "_BEFORE_PERSON): → if not any(text.rfind(verb, floor, end) >= "
        "0 for verb in _VERBS_BEFORE_PERSON):": "Only whether it is there counts.",
    },
    "services/sync/domain/text.py": {
        '_CONTROLS = re.compile(r"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]") → _CO'
        'NTROLS = re.compile(r"[\\x00-\\x08\\x0B-\\x1F\\x7F-\\x9F]")': "The digits of an escape have no case.",
        "return _DEVICE.search(text, begin) if any(map(tail.__contains_"
        "_, _SENT)) else None → return _DEVICE.search(text, begin) if ("
        "any(map(tail.__contains__, _SENT))) or True else None": "Only faster: one of them is in every signature.",
        "return (at - run) % 2 == 1 → return (at + run) % 2 == 1": "Sum and difference are both odd or both even.",
    },
    "services/prep/domain/dossier.py": {
        'time_zone: str = "", → time_zone: str = "XXXX",': "Neither is the name of a zone.",
    },
    "services/prep/domain/times.py": {
        "def span(starts_at: datetime, ends_at: datetime, zone_name: st"
        'r, event_zone_name: str = "") -> str: → def span(starts_at: da'
        "tetime, ends_at: datetime, zone_name: str, event_zone_name: st"
        'r = "XXXX") -> str:': "Neither is the name of a zone.",
    },
    "libs/common/google/id_token.py": {
        "_keys: KeySet | None = field(default=None, init=False, repr=Fa"
        "lse) → _keys: KeySet | None = field(default=None, init=None, r"
        "epr=False)": "None is as false.",
        "_good_until: float = field(default=0.0, init=False) → _good_un"
        "til: float = field(default=0.0, init=None)": "None is as false.",
        "_fetched_at: float = field(default=-inf, init=False) → _fetche"
        "d_at: float = field(default=-inf, init=None)": "None is as false.",
        "_fetching: asyncio.Lock = field(default_factory=asyncio.Lock, "
        "init=False, repr=False) → _fetching: asyncio.Lock = field(defa"
        "ult_factory=asyncio.Lock, init=None, repr=False)": "None is as false.",
        "_keys: KeySet | None = field(default=None, init=False, repr=Fa"
        "lse) → _keys: KeySet | None = field(default=None, init=False, "
        "repr=None)": "None is as false.",
        "_fetching: asyncio.Lock = field(default_factory=asyncio.Lock, "
        "init=False, repr=False) → _fetching: asyncio.Lock = field(defa"
        "ult_factory=asyncio.Lock, init=False, repr=None)": "None is as false.",
    },
    "libs/common/google/service_account.py": {
        '_token: str = field(default="", init=False, repr=False) → _tok'
        'en: str = field(default="", init=None, repr=False)': "None is as false.",
        "_ends_at: datetime = field(default=datetime.min.replace(tzinfo"
        "=UTC), init=False) → _ends_at: datetime = field(default=dateti"
        "me.min.replace(tzinfo=UTC), init=None)": "None is as false.",
        '_token: str = field(default="", init=False, repr=False) → _tok'
        'en: str = field(default="", init=False, repr=None)': "None is as false.",
        "_MARGIN = timedelta(seconds=60) → _MARGIN = timedelta(seconds=61)": "A second more of caution.",
    },
    "libs/common/cache_access.py": {
        '"hget", "hmget", "hset", "hgetall", "hdel", "hincrby", "time",'
        ' → "hget", "HMGET", "hset", "hgetall", "hdel", "hincrby", "time",': "Names of commands have no case.",
    },
    "services/gateway/middlewares.py": {
        'return problems.of_outage(Outage("database or Redis"))'
        ' → return problems.of_outage(Outage("DATABASE OR REDIS"))': "Which part is away is in no response.",
    },
    "services/gateway/limits/sign_ins.py": {
        'forwarded = request.headers.getall("X-Forwarded-For", [])'
        ' → forwarded = request.headers.getall("x-forwarded-for", [])': "Names of headers have no case.",
    },
    "services/gateway/limits/authorizations.py": {
        "minute = int(datetime.now(UTC).timestamp() // 60)"
        " → minute = int(datetime.now(UTC).timestamp() / 60)": "A whole number is made of it.",
    },
}
