"""What a friend would mention before a meeting, and which points of a model are of use. Pure.

points.py          the points of a brief: the model's, the facts, or both
facts.py           all facts, the most useful first
personal_facts.py  those about one guest
fact.py            a fact, and how its parts are worded
sentences.py       what a text asks, wants or promises
phrases.py         the words by which that is found
"""
