"""Assistants: language models that look things up, and write notes, by the Model Context Protocol at `/mcp`.

`tool.py` says what a tool is, `people.py`, `meetings.py` and `mail.py` are the tools, each over endpoints of the API; `protocol.py` speaks
the protocol by the official package, `asgi.py` carries it between the package's server interface and ours, `routes.py` lets callers in.
"""
