"""Reading calendars.

sync.py       events.list → meetings, published as they change
prep_scan.py  what follows it: the meetings that are due for a brief
"""
