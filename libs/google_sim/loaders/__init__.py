"""Files that people have of their own mail, calendars and contacts, as resources of Google's APIs."""

from libs.google_sim.loaders.calendar import load_calendar
from libs.google_sim.loaders.files import LoadError
from libs.google_sim.loaders.mail import load_mail
from libs.google_sim.loaders.people import load_people
from libs.google_sim.loaders.takeout import load_takeout
from libs.google_sim.loaders.times import shift_to_now

__all__ = ["LoadError", "load_calendar", "load_mail", "load_people", "load_takeout", "shift_to_now"]
