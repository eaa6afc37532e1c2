import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from newsletter.editorial.images import pictures
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.errors import Unavailable
from newsletter.wiring import Services
from tests import sample_services
from tests.editorial import photos
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor

PATH = f"/desk/issues/{sample_services.WAITING}/pictures"
PHOTO = photos.telling_photo()


def upload(visitor: Visitor, content: bytes, name: str = "Back.JPG", path: str = PATH) -> TestResponse:
    """What the editor's script sends."""
    head = f'--line\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--line--\r\n"
    kind = "multipart/form-data; boundary=line"
    return visitor.client.post(path, data=body, content_type=kind, headers={"Accept": "application/json"})


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


@pytest.fixture
def careful(author: Visitor) -> Iterator[Visitor]:
    """An author whose browser does not say where its forms come from."""
    del author.client.environ_base["HTTP_SEC_FETCH_SITE"]
    return author


def test_an_author_uploads_a_picture_and_gets_the_name_to_write(author: Visitor, services: Services) -> None:
    answer = upload(author, photos.saved(photos.quarters((2400, 1200)), "JPEG"))
    told = answer.get_json()
    assert (answer.status_code, told["name"], told["width"], told["height"]) == (201, "back.jpg", 1200, 600)
    assert told["note"] == "Scaled from 2,400 × 1,200 to 1,200 × 600 pixels."
    assert photos.opened(author.client.get(told["url"], buffered=True).data).size == (1200, 600)
    with services.sessions.reading() as session:
        attached = pictures.attached(session, issue_store.find(session, sample_services.WAITING))
    assert told["url"] == f"/pictures/{attached['back.jpg']}"


def test_where_a_photo_was_taken_is_on_no_page_of_ours(author: Visitor, services: Services) -> None:
    told = upload(author, PHOTO).get_json()
    assert photos.SECRET in PHOTO
    assert photos.SECRET not in author.client.get(told["url"], buffered=True).data
    kept = [path.read_bytes() for path in Path(services.settings.data_dir).rglob("*.jpg")]
    assert kept
    assert not any(photos.SECRET in content for content in kept)


def test_a_second_picture_of_one_name_gets_another_and_the_same_keeps_its(author: Visitor) -> None:
    other = photos.saved(photos.quarters((30, 30)), "PNG")
    names = [upload(author, content).get_json()["name"] for content in (PHOTO, other, PHOTO)]
    assert names == ["back.jpg", "back.png", "back.jpg"]
    assert upload(author, photos.telling_photo(orientation=6)).get_json()["name"] == "back-2.jpg"


@pytest.mark.parametrize(
    ("content", "name", "fault"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "back.png", "This is an SVG drawing."),
        (b"<!doctype html><script>alert(1)</script>", "back.jpg", "This is a web page"),
        (PHOTO[:3000], "back.jpg", "This picture is damaged"),
        (photos.png_that_claims(20_000, 20_000), "back.png", "This picture has 20,000 × 20,000 pixels."),
        (bytes(41 * 2**20), "back.jpg", "This file has 41 MB; the limit is 40 MB."),
        (b"", "back.jpg", "This is not a PNG"),
        (PHOTO, "", "No picture came with this."),
    ],
)
def test_what_cannot_be_shown_in_mail_is_refused_with_the_reason(
    author: Visitor, services: Services, content: bytes, name: str, fault: str
) -> None:
    before = sample_services.dump(services)
    answer = upload(author, content, name)
    assert answer.status_code == 400
    assert answer.get_json()["fault"].startswith(fault)
    assert pictures_of(sample_services.dump(services)) == pictures_of(before)


def test_a_viewer_uploads_nothing_and_a_stranger_neither(enter: Enter, stranger: Visitor, services: Services) -> None:
    viewer = enter(Role.VIEWER)
    before = pictures_of(sample_services.dump(services))
    assert upload(viewer, PHOTO).status_code == 403
    assert "yours is “viewer”" in upload(viewer, PHOTO).get_json()["fault"]
    assert upload(stranger, PHOTO).status_code == 401
    assert "Sign in again in another tab" in upload(stranger, PHOTO).get_json()["fault"]
    assert pictures_of(sample_services.dump(services)) == before


def test_a_page_of_another_site_uploads_nothing(careful: Visitor) -> None:
    assert upload(careful, PHOTO).status_code == 400


@pytest.mark.parametrize("by_header", [True, False])
def test_a_browser_that_says_nothing_proves_itself_by_the_token(careful: Visitor, by_header: bool) -> None:
    large = photos.saved(photos.quarters((300, 300)), "PNG") + bytes(200_000)
    token = re.search(r'name="csrf_token" value="([^"]+)"', careful.open("/desk/account/").text)[1]
    sent = {} if by_header else {"csrf_token": token}
    headers = {"X-CSRFToken": token} if by_header else {}
    data = {"picture": (io.BytesIO(large), "back.png"), **sent}
    assert careful.client.post(PATH, data=data, headers=headers).status_code == 201


def test_only_this_route_takes_so_much(enter: Enter) -> None:
    answer = upload(enter(Role.OWNER), bytes(2**20), path=f"/desk/issues/{sample_services.WAITING}/readiness")
    assert answer.status_code == 413


def test_an_issue_that_is_not_there_takes_no_picture(author: Visitor) -> None:
    answer = upload(author, PHOTO, path="/desk/issues/there-is-none/pictures")
    assert (answer.status_code, "There is no issue" in answer.get_json()["fault"]) == (404, True)


def test_a_store_that_does_not_answer_is_said_and_nothing_is_kept(
    author: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_ignored: object) -> None:
        raise Unavailable("The store of pictures does not answer. Try again in a minute.")

    monkeypatch.setattr(type(services.pictures), "_put", away)
    answer = upload(author, PHOTO)
    assert (answer.status_code, answer.get_json()["fault"][:9]) == (503, "The store")
    assert pictures_of(sample_services.dump(services))["attached_pictures"] == []


def test_a_picture_is_asked_for_again_only_if_it_is_not_kept(author: Visitor, program: FlaskClient) -> None:
    url = upload(author, PHOTO).get_json()["url"]
    answer = program.get(url, buffered=True)
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.mimetype == "image/jpeg"
    known = program.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert program.head(url).headers["Content-Length"] == str(len(answer.data))


def pictures_of(tables: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: rows for name, rows in tables.items() if "pictures" in name}
