import json
from pathlib import Path
from zipfile import ZipFile

from .conftest import ROOT, Press

POSTS = (
    "id,web_title,status,url,web_subtitle,content_html,created_at\n"
    "b1,An old letter,confirmed,https://us.example/p/old,,<p>Hello</p><video></video>,2023-05-06 07:08:00 UTC\n"
    "b2,Not out,draft,,,<p>Hello</p>,2023-05-07 07:08:00 UTC\n"
)


def test_an_archive_is_tried_imported_and_published(loaded: Press, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(POSTS)
    said = loaded("issues", "import-archive", str(file), "--dry-run")
    assert said.out.splitlines() == [
        "An old letter: old (not carried over: 1 × video)",
        "Not out: not imported: it was not published there",
        "beehiiv: 1 of 2 posts would be imported as drafts",
    ]
    assert loaded("issues", "import-archive", str(file)).out.endswith("1 of 2 posts imported as drafts\n")
    assert loaded("issues", "publish-imported").code == 2
    assert loaded("issues", "publish-imported", "--all").out.startswith("old: published")
    again = loaded("issues", "publish-imported", "old", "nothing-of-the-kind")
    assert again.code == 1
    assert "old: not published: “An old letter” is already sent" in again.err
    assert again.err.endswith("not published: 2 of 2 issues\n")
    refused = loaded("issues", "send", "old", "--now")
    assert (refused.code, "Traceback" in refused.err) == (1, False)


def test_each_command_says_what_else_a_zip_holds(loaded: Press, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    with ZipFile(file, "w") as opened:
        opened.writestr("email_list.csv", "email,email_disabled,expiry\nada@example.org,false,\n")
        opened.writestr("posts.csv", "post_id,is_published,title\n1.a,true,A\n")
        opened.writestr("posts/1.a.html", "<p>Hello</p>")
        opened.writestr("more.csv", "email\nben@example.org\n")
    readers = loaded("subscribers", "import", str(file), "--dry-run")
    assert f"{file}: not read: 'more.csv'; import by itself what belongs to the list\n" in readers.err
    assert f"also holds posts; to import them: newsletter issues import-archive {file}" in readers.err
    posts = loaded("issues", "import-archive", str(file), "--dry-run")
    assert f"also holds a list of readers; to import them: newsletter subscribers import {file}" in posts.err


def test_a_new_press_publishes_one_sample_and_no_other_press_does(press: Press) -> None:
    folder = str(ROOT / "issues")
    press("db", "upgrade")
    assert press("issues", "sample", folder).out.startswith("How we weigh what we read: published")
    assert press("issues", "sample", folder).out == ""
    assert press("issues", "load", folder).out.count(": new") == 5
    assert json.loads(press("issues", "status", "how-we-weigh", "--json").out)["audience"] == 0


def test_a_folder_without_a_sample_publishes_none(press: Press, tmp_path: Path) -> None:
    press("db", "upgrade")
    assert press("issues", "sample", str(tmp_path)).code == 0
    assert press("issues", "list").out.startswith("no issues yet")
