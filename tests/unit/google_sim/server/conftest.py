"""A fresh local Google for each test."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from google_content import ADA, accounts
from google_driver import Driver

from libs.google_sim.server import GoogleServer, run_google


@pytest.fixture
async def server() -> AsyncIterator[GoogleServer]:
    async with run_google(accounts(), seed=1) as running:
        yield running


@pytest.fixture
async def stranger(server: GoogleServer) -> AsyncIterator[Driver]:
    """Nobody is signed in yet."""
    async with aiohttp.ClientSession() as http:
        yield Driver(server, http)


@pytest.fixture
async def ada(stranger: Driver) -> Driver:
    """Signed in as Ada, with every permission."""
    await stranger.sign_in(ADA)
    return stranger
