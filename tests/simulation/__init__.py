"""`make simulation`: the morning of an installation with a hundred thousand accounts, minute by minute on a clock of its own.

The product's own code decides: which runs are requested, when each is due and whose turn it is (handlers/schedules.py, store/runs.py and
store/leases.py on a real PostgreSQL), how many a replica carries out (domain/capacity.py), when a call to Google may go (the quota limiter
in a real Valkey), and what becomes of a run that may not (domain/runs.py). Simulated are the passing of time, Google, and the work
inside of a run, as far as it is a number of calls of such a price.

clock.py    the moment that PostgreSQL's now() and Valkey's TIME are
accounts.py the accounts, as if they had been there for long
google.py   what was sent to Google, second by second, beside the quotas, and what waited meanwhile
work.py     the runs under way, and the calls that each consists of
morning.py  from before six until half past: schedules, replicas, calls, ends
report.py   the figures with their targets, and the table
"""
