"""Files on Google Drive: fetched by gdown, resumed, or one sentence about what to do by hand."""

import logging
import sys
from pathlib import Path

import requests

from litepose.core.errors import InputError

TIMEOUT = (10.0, 12.0)  # seconds until a connection, and until a byte
RETRIES = 3  # of a connection that broke; a stalled one ends within a minute


def fetch(file_id: str, target: Path, by_hand: str) -> None:
    """Fetch a file, going on where an earlier call stopped; it appears under its name only when it is whole.

    Args:
        file_id: as in the link that Drive shares.
        target: where it goes; what has come so far lies beside it.
        by_hand: what a person can do instead, for messages.

    Raises:
        InputError: gdown is not installed, Drive refuses (it allows so many downloads of a file a day), or
            the connection breaks again and again.
    """
    try:
        import gdown  # of an extra of this package
    except ModuleNotFoundError:
        raise InputError(
            f"{target.name} lies on Google Drive, and gdown, which fetches it from there, is not installed: "
            f"pip install 'litepose[crowdpose]', or {by_hand}."
        ) from None
    logging.info("%s: fetching from Google Drive to %s", target.name, target.parent)
    while not target.is_file():
        have = _received(target)
        try:
            gdown.download(
                id=file_id,
                output=str(target),
                quiet=not sys.stderr.isatty(),
                resume=True,
                use_cookies=False,
                timeout=TIMEOUT,
                retries=RETRIES,
            )
        except gdown.FileURLRetrievalError as error:
            reason = " ".join(str(error).split()).removeprefix("Failed to retrieve file url: ")[:200]
            raise InputError(
                f"Google Drive does not give {target.name} ({reason}): run this again later, for it allows "
                f"so many downloads of a file a day, or {by_hand}."
            ) from None
        except (gdown.DownloadError, requests.RequestException) as error:
            _check_progress(target, have, error, by_hand)


def _check_progress(target: Path, have: int, error: Exception, by_hand: str) -> None:
    """Let a broken connection be taken up again where it brought something new."""
    if "byte range" in str(error) and have:  # Drive has another file by now, or goes on nowhere
        for part in target.parent.glob(f"{target.name}*.part"):
            part.unlink()
    elif _received(target) <= have:
        # Messages of broken connections name objects in memory.
        told = " ".join(str(error).split())[:200] if isinstance(error, requests.HTTPError) else ""
        raise InputError(
            f"Google Drive sends nothing more of {target.name} ({told or type(error).__name__}): run this "
            f"again later (it goes on from {have} bytes), or {by_hand}."
        ) from None
    else:
        logging.info("%s: the connection broke after %d bytes: going on", target.name, _received(target))


def _received(target: Path) -> int:
    return sum(part.stat().st_size for part in target.parent.glob(f"{target.name}*.part"))
