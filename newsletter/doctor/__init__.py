"""The doctor: says what is wrong with settings, DNS, mail servers and this machine, why, and how to mend it.

findings     a finding: level, what it is about, what is wrong, and the exact record or line to add
registry     the decorator that registers a rule, and the function that runs them all
facts        everything that the rules judge, frozen
gather       collects the facts; gather_dns, gather_hosts and gather_here do the asking
spf, dmarc   SPF records with all they include; DMARC's tree walk
report       the findings as text and as JSON, and the last ones kept for the desk

The rules are in `rules/`; they know neither the network nor the database. One rule is one function.
"""

from newsletter.doctor.findings import Area, Finding, Level
from newsletter.doctor.registry import CHECKS, run_checks
from newsletter.doctor.rules import (  # noqa: F401  (importing a module registers its rules)
    dkim_rules,
    dmarc_rules,
    here_rules,
    host_rules,
    mail_rules,
    settings_rules,
    spf_rules,
)

__all__ = ["CHECKS", "Area", "Finding", "Level", "run_checks"]
