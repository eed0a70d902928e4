"""A local Google over HTTP, as far as the product can see: OAuth, Gmail, Calendar, People, Pub/Sub.

For demos, tests and benchmarks. It never imports the services, so its oracle is a second opinion on docs/rules.md.
"""
