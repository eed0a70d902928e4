"""Mutants that change nothing that anybody could see, each with the reason. They are not sampled.

By module and change as a report prints them. The list is short on purpose: what can matter gets a test.
"""

EQUIVALENT: dict[str, dict[str, str]] = {
    "libs/common/google/oauth.py": {
        'def policy_of(error: str, subtype: str = "") -> Policy | None: → '
        'def policy_of(error: str, subtype: str = "XXXX") -> Policy | None:': "Neither is the name of a policy.",
    },
    "libs/common/pagination.py": {
        "if wanted is int and not -(2**63) <= int(str(part)) < 2**63: → if wanted is int and not -(3**63) <= int(str(part)) < 2**63:": (
            "The parser of tokens takes no number below -(2**63)."
        ),
    },
    "services/gateway/sessions/authentication.py": {
        'return bearer_token(request.headers.get("Authorization", "")) → '
        'return bearer_token(request.headers.get("AUTHORIZATION", ""))': "Names of headers have no case.",
    },
    "services/contacts/domain/projection.py": {
        "counts[observation.source_id] += 1 → counts[observation.source_id] -= 1": "The numbers only tell copies apart.",
    },
}
