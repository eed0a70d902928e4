"""Benchmarks of the whole product on a local Google: `python -m tests.bench --help`.

scenarios/     one file per question that is measured
registry.py    all scenarios, in the order in which they run
scenario.py    what a scenario is, and what it is given
figure.py      a number with its unit, how it was measured, and its target
report.py      figures as tables, JSON and Markdown
stage.py       the product as it is run for people: every service a process on real PostgreSQL, NATS and Valkey
people.py      persons at browsers, one or a thousand
live.py        a browser that listens to live updates
mail.py        mail that is delivered
bus.py         holding an event back, so that many things begin at one moment
importing.py   a first import of one mailbox
crowding.py    two hundred of them at once
pairs.py       two things measured in turn, and their ratio
processes.py   what the operating system counted
"""
