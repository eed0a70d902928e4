"""What an integration's author needs: a program that works as it is, with nats-py and nothing else."""

from libs.common.integrations import INTEGRATION_STREAM
from libs.common.topology import inbox_prefix
from libs.local.integrations import Integration

_LISTEN = """\
    waiting = await stream.pull_subscribe_bind("{name}", stream="{stream}")
    while True:
        try:
            for message in await waiting.fetch(100, timeout=30):
                print(message.subject, message.headers, message.data.decode())
                await message.ack()
        except nats.errors.TimeoutError:
            pass  # nothing came; what is not acknowledged comes again
"""
_SAMPLES = {
    "interaction.reported": (
        '"user_id": "{user}", "platform": "{name}", "ref": "hello", "occurred_at": "2026-01-31T12:00:00Z", "direction": "mutual",'
        ' "kind": "note", "identities": [{{"kind": "email", "value": "someone@example.org"}}], "title": "Hello from {name}"'
    ),
    "profile.reported": (
        '"user_id": "{user}", "platform": "telegram", "identity": {{"kind": "email", "value": "someone@example.org"}},'
        ' "bio": "Hello from {name}", "at": "2026-01-31T12:00:00Z"'
    ),
}


def program(integration: Integration, url: str, user: str) -> str:
    """The text of a Python program: it publishes one event of each kind that it may, about `user`, and then prints what comes."""
    servers = ", ".join(f'"{server}"' for server in url.split(","))
    lines = [
        "import asyncio, json, nats, nats.errors\n",
        "async def main():",
        f"    bus = await nats.connect([{servers}],",
        f'                             inbox_prefix="{inbox_prefix(integration.user)}")',
        "    stream = bus.jetstream()",
    ]
    for event in integration.grants.publish:
        sample = _SAMPLES[event.subject].format(user=user, name=integration.name)
        lines.append(f"    event = {{{sample}}}")
        lines.append(
            f'    await stream.publish("{event.subject}.{integration.name}.{user}", json.dumps(event).encode())'
        )
    listen = _LISTEN.format(name=integration.name, stream=INTEGRATION_STREAM)
    return "\n".join(lines) + f"\n{listen}\nasyncio.run(main())\n"
