"""The five issues in `issues/` keep the promises the letter makes to its readers."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from newsletter.editorial import preflight
from newsletter.editorial.preflight import Facts
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file
from newsletter.publications import contact
from tests.editorial.sample_issues import BRANDING, picture_url

ISSUES = Path(__file__).parents[2] / "issues"
FILES = sorted(ISSUES.glob("[0-9]*.md"))
TUESDAY = 1
REQUIRED = {
    "title",
    "subject",
    "preheader",
    "slug",
    "category",
    "tags",
    "author",
    "reviewed_by",
    "sources",
}
PICTURE = re.compile(r'!\[(?P<alt>[^\]]*)\]\((?P<file>[^\s)]+)\s+"(?P<caption>[^"]*)"\)')
BUTTON = re.compile(r"\[[^\]]+\]\((?P<url>https://[^)]+|/ask|/book)\)\{\.button\}")
# A DOI may carry a pair of parentheses, as The Lancet's do.
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<url>https://(?:[^()\s]|\([^()\s]*\))+)\)")


@dataclass(frozen=True, slots=True)
class Shipped:
    path: Path
    front: dict
    body: str

    @classmethod
    def read(cls, path: Path) -> "Shipped":
        _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
        return cls(path, yaml.safe_load(front), body)

    @property
    def day(self) -> date:
        return date.fromisoformat(self.path.name[:10])

    @property
    def picture(self) -> re.Match[str]:
        pictures = list(PICTURE.finditer(self.body))
        assert len(pictures) == 1, f"{self.path.name}: {len(pictures)} pictures"
        return pictures[0]

    @property
    def links(self) -> set[str]:
        return {link["url"] for link in LINK.finditer(self.body)}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def issue(request: pytest.FixtureRequest) -> Shipped:
    return Shipped.read(request.param)


def words(body: str) -> list[str]:
    """What a reader reads: no pictures, addresses or markers."""
    text = LINK.sub(lambda link: link[0][1 : link[0].index("](")], PICTURE.sub("", body))
    text = re.sub(r"\{\.button\}|\[!\w+\]", "", text)
    return [word for word in text.split() if re.search(r"\w", word)]


def test_there_are_five_issues_on_consecutive_tuesdays() -> None:
    days = [Shipped.read(path).day for path in FILES]
    assert len(days) == 5
    assert days[0] == date(2026, 11, 24)
    assert days[0].weekday() == TUESDAY
    assert days == [days[0] + timedelta(weeks=week) for week in range(5)]


def test_the_publication_sends_on_the_day_the_issues_are_dated() -> None:
    publication = tomllib.loads((ISSUES / "publication.toml").read_text(encoding="utf-8"))
    assert publication["slot"] == {"weekday": "tuesday", "at": "09:00"}


def test_an_issue_has_every_field_of_the_contract(issue: Shipped) -> None:
    assert set(issue.front) == REQUIRED
    assert issue.path.stem == f"{issue.day}-{issue.front['slug']}"


def test_an_issue_has_450_to_800_words(issue: Shipped) -> None:
    assert 450 <= len(words(issue.body)) <= 800


def test_the_subject_and_the_preheader_fit_an_inbox(issue: Shipped) -> None:
    subject, preheader = issue.front["subject"], issue.front["preheader"]
    assert 10 <= len(subject) <= 78
    assert 40 <= len(preheader) <= 110
    assert subject.lower() not in preheader.lower()


def test_the_body_leaves_the_first_heading_to_the_title(issue: Shipped) -> None:
    assert not re.search(r"^# ", issue.body, re.MULTILINE)
    assert len(re.findall(r"^## ", issue.body, re.MULTILINE)) >= 3


@pytest.mark.parametrize("kind", ["TIP", "NOTE"])
def test_an_issue_has_exactly_one_tip_and_one_note(issue: Shipped, kind: str) -> None:
    assert len(re.findall(rf"^> \[!{kind}\]\n> \*\*", issue.body, re.MULTILINE)) == 1


def test_the_note_names_the_signs_that_need_a_professional(issue: Shipped) -> None:
    note = issue.body.split("> [!NOTE]")[1].split("\n\n")[0].lower()
    missing = [sign for sign in ("numbness", "weak", "fever", "cancer") if sign not in note]
    assert not missing
    assert re.search(r"bladder|urine", note)
    assert re.search(r"professional|doctor", note)


def test_the_picture_exists_and_has_a_description_and_a_caption(issue: Shipped) -> None:
    assert (ISSUES / issue.picture["file"]).is_file()
    assert len(issue.picture["alt"]) >= 40
    assert len(issue.picture["caption"]) >= 20


def test_a_picture_is_an_opaque_png_under_200_kb(issue: Shipped) -> None:
    png = (ISSUES / issue.picture["file"]).read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) < 200_000
    grey_or_colour_with_alpha = {4, 6}
    assert png[25] not in grey_or_colour_with_alpha
    assert b"tRNS" not in png


def test_a_picture_keeps_its_drawing(issue: Shipped) -> None:
    drawing = ISSUES / "drawings" / issue.picture["file"].replace(".png", ".svg")
    assert drawing.is_file()


@pytest.mark.parametrize("drawing", sorted((ISSUES / "drawings").glob("*.svg")), ids=lambda path: path.stem)
def test_the_words_of_a_drawing_can_be_read_on_a_phone(drawing: Path) -> None:
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', drawing.read_text())]
    assert sizes
    # Drawn 1,200 wide, and shown in 343 pixels.
    assert min(sizes) * 343 / 1_200 >= 12


def test_an_issue_ends_with_one_button(issue: Shipped) -> None:
    assert len(BUTTON.findall(issue.body)) == 1
    assert BUTTON.fullmatch(issue.body.strip().splitlines()[-1])


def test_an_issue_cites_at_least_two_sources_and_links_each_in_the_text(issue: Shipped) -> None:
    cited = [source["url"] for source in issue.front["sources"]]
    assert len(cited) >= 2
    assert all(url.startswith("https://") for url in cited)
    assert all(source["title"] for source in issue.front["sources"])
    assert set(cited) <= issue.links


def test_every_outside_link_is_a_listed_source(issue: Shipped) -> None:
    outside = {url for url in issue.links if "backpainhelp.example" not in url}
    assert outside <= {source["url"] for source in issue.front["sources"]}


def test_preflight_finds_nothing_to_mend(issue: Shipped) -> None:
    file = issue_file.read(issue.path)
    known = Facts(own_hosts=frozenset({"backpainhelp.example"}), pages=contact.PATHS)
    assert preflight.check(file, render.issue_mail(file, BRANDING, picture_url), known) == []


def test_no_issue_promises_a_cure(issue: Shipped) -> None:
    text = issue.path.read_text(encoding="utf-8").lower()
    assert not re.search(r"\bcure[sd]?\b|\bguarantee", text)


def test_a_name_always_has_a_fallback() -> None:
    fields = [field for path in FILES for field in re.findall(r"\{\{(.*?)\}\}", path.read_text(encoding="utf-8"))]
    assert len(fields) >= 3
    assert set(fields) == {" name | friend "}


def test_no_reviewer_is_passed_off_as_a_clinician(issue: Shipped) -> None:
    assert "not a clinician" in issue.front["reviewed_by"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_issue_speaks_of_weight_as_those_do_who_sell_diets(path: Path) -> None:
    # SpamAssassin's DIET_1 gives 0.7 points for it.
    assert not re.search(r"\b(?:lose|losing|loss of|lost) weight\b|\bweight[- ]loss\b", path.read_text(), re.IGNORECASE)
