"""Reading calendars.

sync.py       events.list → meetings, published as they change
channels.py   Google's notifications of their changes, where it can reach us
prep_scan.py  what follows it: the meetings that are due for a brief
"""
