"""Addresses: anything that identifies a person (docs/rules.md, "Addresses"), and whose they are."""

from typing import NewType

from libs.common.ids import UserId

AddressId = NewType("AddressId", int)

AddressKey = tuple[UserId, str, str]
"""user, kind, canonical value"""
