"""Internationalization: the words that readers see, and how dates, numbers and plurals are written, in a language.

messages        translation by the gettext catalogues in `catalogues/`, one for each language but English, the source
template_words  the same for Jinja templates: `{% trans %}` and `_()`
formats         every date, time, number, duration and plural that people read, formatted by Babel (Unicode CLDR)
collation       the order in which a language lists words
locales         the CLDR's rules for a language tag, and its direction
english         what English needs beside the CLDR
"""
