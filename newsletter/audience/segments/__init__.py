"""Segments: readers chosen by conditions on their tags, attributes, status, source and issues.

rule       what a segment's rule is, in frozen values and in JSON
compile    the rule as one condition on subscriptions
store      saved segments, their counts and samples
"""
