"""The AsyncAPI document in docs/ is the one that events.py and requests/ yield."""

import json

from libs.common.asyncapi import document
from libs.common.events import EVENTS, TICKS
from libs.common.requests import REQUESTS
from libs.local import ROOT


def test_the_committed_document_is_up_to_date() -> None:
    committed = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert committed == json.loads(document()), "run `make docs`"


def test_every_subject_is_documented() -> None:
    channels = json.loads(document())["channels"].values()
    assert {channel["address"] for channel in channels} >= {
        declared.subject for declared in (*EVENTS, *TICKS, *REQUESTS)
    }
