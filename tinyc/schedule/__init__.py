"""The decisions between a Graph and a Program, as data that can be written down, edited and given back."""

from tinyc.schedule.schedule import OrderSearch, Schedule
from tinyc.schedule.scheduler import Scheduler, make_schedule

__all__ = ["OrderSearch", "Schedule", "Scheduler", "make_schedule"]
