"""The decisions between a Graph and a Program, as data that can be written down, edited and given back."""

from tinyc.schedule.schedule import Schedule, make_schedule

__all__ = ["Schedule", "make_schedule"]
