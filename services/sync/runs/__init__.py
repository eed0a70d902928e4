"""The engine: which replica carries out which run, how many at a time, and what is written down of them.

It knows nothing of mail, contacts or calendars. What a run of each kind does is registered in `__main__`.

queue.py           what is requested, and the wake-up of the worker
worker.py          acquires runs and carries them out, as many as there is capacity for
leases.py          keeps the leases of those that are under way
run.py             one run under way: what its work is handed
fair_semaphore.py  which of them publishes and writes next
batch_writer.py    writes down together what several of them have done
outcome.py         how each of them ends
"""
