"""Chaos on a cluster: several people whose mail and meetings go on, and faults that befall the processes meanwhile.

people.py    what happens in their Google accounts, at random, and what must be seen of it in the end
faults.py    the kinds of fault, in a seeded order, and how each is done to a running cluster
recovery.py  how long each fault was felt, and the table of that
stage.py     all of it on a local Google
"""
