"""Segments: readers chosen by conditions on their tags, attributes, status, source and issues.

rule        what a segment's rule is, in frozen values and in JSON
conditions  one condition in SQL, from an allow-list
merging     lists of ids, combined as SQLite does it fastest
compile     the rule as one condition on subscriptions, or as what counts its readers
store       saved segments, their counts and samples
"""
