"""`make soak`: an hour of compressed life on the product as it is run for people, and whether anything grows that should not.

Two hundred accounts on the local Google get mail, meetings and briefs at twenty times the real rate, and are looked at by their people;
every service is a process of its own. Memory and file descriptors of each process, the queues of the bus, the runs and the logs are
sampled all along.

load.py    what happens: mail, meetings, schedules, people at browsers
samples.py what is read of processes, queues, tables and logs
trend.py   whether a series of samples grows: a robust slope, its noise, and what is allowed. Pure
report.py  the limits with their reasons, and the table
"""
