"""Approvals: what a form names as approved."""

import pytest

from newsletter.editorial.issues.approvals import Content


@pytest.mark.parametrize("forged", ["", "x.y", "²..", "9" * 30 + ".x.", "9" * 5_000 + ".x."])
def test_a_forged_seal_names_the_content_of_no_issue(forged: str) -> None:
    assert Content.sealed(forged).revision_number == 0
    seal = Content(3, "abc", "def").seal
    assert Content.sealed(seal).seal == seal
