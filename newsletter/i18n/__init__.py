"""Internationalization: how dates, numbers, durations and plurals are written for people, in a given language.

formats      every date, time, number, duration and plural that people read, formatted by Babel (Unicode CLDR)
catalogue    the words in them that CLDR does not have; English is the only catalogue
"""
