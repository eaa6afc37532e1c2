"""S3 storage: pictures in an S3-compatible bucket, for several web servers. The only module that imports obstore."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore, S3Store
from pydantic import SecretStr

from newsletter.editorial.images.pictures import MEDIA_TYPES, PictureStore, PictureStream
from newsletter.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Config

_PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class S3PictureStore(PictureStore):
    """Stores pictures in a bucket."""

    store: ObjectStore

    def _put(self, file_name: str, content: bytes) -> None:
        media_type = MEDIA_TYPES.get(PurePosixPath(file_name).suffix[1:], "application/octet-stream")
        with _our_errors():
            obstore.put(self.store, file_name, content, attributes={"Content-Type": media_type})

    def _get(self, file_name: str) -> PictureStream:
        with _our_errors():
            found = obstore.get(self.store, file_name)
            return PictureStream(found.meta["size"], _chunks(found))


def open_bucket(url: str, endpoint: str, region: str, key_id: str, secret: SecretStr) -> S3PictureStore:
    """The picture store below `s3://bucket/prefix`; makes no request yet."""
    place = urlsplit(url)
    config: S3Config = {
        "region": region,
        "access_key_id": key_id,
        "secret_access_key": secret.get_secret_value(),
        "virtual_hosted_style_request": False,
    }
    if endpoint:
        config["endpoint"] = endpoint
    store = S3Store(
        place.netloc,
        prefix=place.path.strip("/") or None,
        config=config,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": _PATIENCE},
        retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
    )
    return S3PictureStore(store)


def _chunks(found: "obstore.GetResult") -> Iterator[bytes]:
    with _our_errors():
        for chunk in found.stream():
            yield bytes(chunk)


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise NotFound("there is no such picture") from None
    except (BaseError, OSError) as error:
        # The library's message may name the bucket and the key: it is for the operator's log, not for readers.
        kind = type(error).__name__
        raise Unavailable(f"The picture store is not responding ({kind}). Try again in a minute.") from error
