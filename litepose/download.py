"""COCO 2017 and CrowdPose from their official places: resumed, verified, extracted whole or not at all."""

import contextlib
import functools
import hashlib
import json
import logging
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import requests
from tqdm import tqdm

from litepose import drive
from litepose.core.errors import InputError
from litepose.core.files import write_bytes, write_text
from litepose.datasets.manifest import LAYOUTS, find_splits

CHUNK = 1 << 18  # bytes
TIMEOUT = 15.0  # seconds without a byte until a connection counts as broken
ATTEMPTS = 8  # in a row that bring no new byte
STALLS = 3  # of them that time out: less than a minute
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between attempts; each wait is twice the one before
BUSY = {429, 500, 502, 503, 504}
EXTRACTED = 1.05  # bytes on disk per byte of an archive of JPEGs, file system included


@dataclass(frozen=True)
class Archive:
    """A published ZIP file.

    Attributes:
        url: its official place.
        size: in bytes.
        md5: of the file.
        members: what is used of it, files or directories; they become paths below the data set's root.
    """

    url: str
    size: int
    md5: str
    members: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


class _Interrupted(Exception):
    """A connection brought less than the file, but another attempt may bring more."""


COCO_PLACE = "http://images.cocodataset.org"  # the checksums make up for the plain HTTP
COCO = (
    Archive(
        f"{COCO_PLACE}/annotations/annotations_trainval2017.zip",
        252_907_541,
        "f4bbac642086de4f52a3fdda2de5fa2c",
        ("annotations/person_keypoints_train2017.json", "annotations/person_keypoints_val2017.json"),
    ),
    Archive(f"{COCO_PLACE}/zips/val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80", ("val2017",)),
    Archive(
        f"{COCO_PLACE}/zips/train2017.zip",
        19_336_861_798,
        "cced6f7f71b7629ddf16f17bbcfab6b2",
        ("train2017",),
    ),
)
# CrowdPose's files on Google Drive, which publishes no checksum, and what they hold
CROWDPOSE_IMAGES = "1VprytECcLtU4tKP32SYi_7oDRbw7yUTL"
CROWDPOSE_ANNOTATIONS = "196vsma1uuLLCcUt1NrXp1K8PBU6tVH8w"
CROWDPOSE_COUNT = 20_000  # images
CROWDPOSE_SPLITS = {"train": 10_000, "val": 2_000, "trainval": 12_000, "test": 8_000}
CHECKSUMS = "SHA256SUMS"  # of what came, in the data set's root
CROWDPOSE_PAGE = "https://github.com/Jeff-sjtu/CrowdPose#dataset"
IMAGENET_PAGE = "https://image-net.org/download-images"


def complete(root: Path, layout: str, splits: Collection[str]) -> None:
    """Fetch and extract what a data set's directory lacks of some splits; nothing where it is all there.

    Args:
        root: of the data set; made where it does not exist.
        layout: ``coco`` or ``crowdpose``.
        splits: that are needed; what belongs to others is left alone.

    Raises:
        InputError: a person has to fetch something, the disk is too small, the server refuses or does not
            answer, or its files are not the published ones.
    """
    missing = [split for split in splits if split not in find_splits(root, layout, ())]
    if missing and layout == "crowdpose":
        _complete_crowdpose(root, missing)
    elif missing:
        _complete_coco(root, missing)


def complete_imagenet(root: Path) -> None:
    """Check that ImageNet, or another folder of class folders, was put where it cannot be fetched to.

    Raises:
        InputError: it was not.
    """
    if not all((root / split).is_dir() for split in ("train", "val")):
        raise InputError(
            f"{root}: ImageNet asks for an account: fetch ILSVRC2012_img_train.tar and "
            f"ILSVRC2012_img_val.tar from {IMAGENET_PAGE}, and unpack them to train/<class>/ and "
            "val/<class>/ there, or set root to any directory of that form."
        )


def _complete_coco(root: Path, splits: Sequence[str]) -> None:
    for split in splits:
        if split not in ("train", "val"):
            raise InputError(
                f"coco's {split} split cannot be fetched: its keypoints are not public; use train and val."
            )
    present = {f"{split}2017" for split in splits if (root / f"images/{split}2017").is_dir()}
    needed = {
        name
        for split in splits
        for name in (f"annotations/person_keypoints_{split}2017.json", f"{split}2017")
        if name not in present and not (root / name).exists()
    }
    obtain(root, [archive for archive in COCO if needed & set(archive.members)], needed)


def _complete_crowdpose(root: Path, splits: Sequence[str]) -> None:
    """Extract images and annotation files that a person put there, or that Google Drive gives."""
    lists = [
        f"crowdpose_{split}.json"
        for split in splits
        if not any((root / file.format(split=split)).is_file() for file, _ in LAYOUTS["crowdpose"])
    ]
    places = [] if (root / "images").is_dir() else [f"images.zip in {root}"]
    places += [f"{', '.join(lists)} in {root / 'json'}"] if lists else []
    by_hand = f"follow the links of {CROWDPOSE_PAGE}, put {' and '.join(places)}, and run this again"
    if not (root / "images").is_dir():
        with _from_drive(root, CROWDPOSE_IMAGES, "images.zip", by_hand, _check_images) as archive:
            extract(archive, root, ["images"])
    if lists:
        check = functools.partial(_check_lists, lists)
        with _from_drive(root, CROWDPOSE_ANNOTATIONS, "annotations.zip", by_hand, check) as archive:
            for name in lists:
                write_bytes(root / "json" / name, _member(archive, name))


@contextlib.contextmanager
def _from_drive(
    root: Path, file_id: str, name: str, by_hand: str, check: Callable[[Path], None]
) -> Iterator[Path]:
    """An archive that lies in the root; else it is fetched, checked, recorded, and deleted after its use."""
    own, file = root / name, root / ".downloads" / name
    if own.is_file():
        yield own
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    drive.fetch(file_id, file, by_hand)
    check(file)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    known = (root / CHECKSUMS).read_text() if (root / CHECKSUMS).is_file() else ""
    write_text(root / CHECKSUMS, f"{known}{digest}  {name}\n")
    logging.info("%s: SHA-256 %s, noted in %s", name, digest, root / CHECKSUMS)
    yield file
    file.unlink()
    with contextlib.suppress(OSError):  # a part of another archive lies there
        file.parent.rmdir()


def _check_images(archive: Path) -> None:
    """Count what came from Google Drive, which publishes no checksum."""
    try:
        with zipfile.ZipFile(archive) as packed:
            count = sum(name.startswith("images/") and name != "images/" for name in packed.namelist())
    except zipfile.BadZipFile as error:
        raise InputError(f"{archive} is damaged ({error}): delete it and run this again.") from None
    _check_count(archive, "CrowdPose", count, CROWDPOSE_COUNT)


def _check_lists(names: Sequence[str], archive: Path) -> None:
    for name in names:
        try:
            count = len(json.loads(_member(archive, name))["images"])
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{archive}: {name} in it is no annotation file: delete it and run this again."
            ) from None
        _check_count(archive, name, count, CROWDPOSE_SPLITS[name[len("crowdpose_") : -len(".json")]])


def _check_count(archive: Path, what: str, count: int, published: int) -> None:
    if count != published:
        raise InputError(
            f"{archive} holds {count} images of {what} instead of {published}: delete it, and run this again."
        )


def _member(archive: Path, name: str) -> bytes:
    """Content of the file of that name in a ZIP or TAR file.

    Raises:
        InputError: there is none, or the archive is damaged.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                places = [entry for entry in packed.namelist() if PurePosixPath(entry).name == name]
                content = packed.read(places[0]) if places else None
        else:
            with tarfile.open(archive) as tape:
                entries = [
                    entry for entry in tape if entry.isfile() and PurePosixPath(entry.name).name == name
                ]
                stream = tape.extractfile(entries[0]) if entries else None
                content = stream.read() if stream else None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{archive} is damaged ({error}): delete it and run this again.") from None
    if content is None:
        raise InputError(f"{archive} holds no {name}: it is not the published file.")
    return content


def obtain(root: Path, archives: Sequence[Archive], needed: Collection[str]) -> None:
    """Download archives, or take those that lie in the root, and extract their needed members.

    A downloaded archive is deleted once it is extracted; one that lay in the root stays.

    Raises:
        InputError: see :func:`complete`.
    """
    downloads = root / ".downloads"
    _check_space(root, downloads, archives)
    downloads.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        own = root / archive.name
        file = own if own.is_file() else downloads / archive.name
        if file == own:
            _verify_own(archive, own)
        elif not file.is_file():
            fetch(archive, file)
        extract(file, root, [member for member in archive.members if member in needed])
        if file != own:
            file.unlink()
    shutil.rmtree(downloads)


def _check_space(root: Path, downloads: Path, archives: Sequence[Archive]) -> None:
    """Room for everything that is extracted, beside the largest archive; what was fetched counts."""
    fetched = sum(path.stat().st_size for path in downloads.glob("*")) if downloads.is_dir() else 0
    needed = EXTRACTED * sum(archive.size for archive in archives)
    needed += max((archive.size for archive in archives if not (root / archive.name).is_file()), default=0)
    needed -= fetched
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    _check_free(existing, int(needed), "to download and extract " + ", ".join(a.name for a in archives))


def _check_free(directory: Path, needed: int, purpose: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise InputError(
            f"{directory}: {needed / 1e9:.1f} GB are needed {purpose}, but {free / 1e9:.1f} GB are free: "
            "make room, or set root to a directory on another disk."
        )


def _verify_own(archive: Archive, file: Path) -> None:
    if file.stat().st_size != archive.size or _md5(file) != archive.md5:
        raise InputError(f"{file} is not the published {archive.name}: delete it, and it will be fetched.")


def fetch(archive: Archive, target: Path) -> None:
    """Download a file, going on where an earlier call stopped; it appears only when its bytes are right.

    Raises:
        InputError: the server refuses, does not answer for long, or has another file.
    """
    part = target.with_name(f"{target.name}.part")
    by_hand = f"fetch {archive.name} by other means and put it in {target.parent.parent}"
    logging.info("%s: fetching %.2f GB to %s", archive.name, archive.size / 1e9, target.parent)
    for _ in range(2):
        _receive(archive, part, by_hand)
        logging.info("%s: verifying", archive.name)
        if _md5(part) == archive.md5:
            part.replace(target)
            return
        logging.info("%s: the received bytes are wrong: once more from the start", archive.name)
        part.unlink()
    raise InputError(f"{archive.url} sent wrong bytes twice (MD5 is not {archive.md5}): {by_hand}.")


def _receive(archive: Archive, part: Path, by_hand: str) -> None:
    """Grow a partial file to its full size, over as many connections as bring something new."""
    failures = 0
    while (have := _size(part)) != archive.size:
        if have > archive.size:
            part.unlink()
            continue
        try:
            _go_on(archive, part, have, by_hand)
        except (_Interrupted, requests.RequestException) as error:
            # The library's own messages name objects in memory; the kind of error is what a reader needs.
            reason = error if isinstance(error, _Interrupted) else f"no connection ({type(error).__name__})"
            failures = 0 if _size(part) > have else failures + 1
            if failures >= (STALLS if "timed out" in str(error) else ATTEMPTS):
                raise InputError(
                    f"{archive.url} did not answer {failures} times in a row ({reason}): run this again "
                    f"later (it goes on from {_size(part)} bytes), or {by_hand}."
                ) from None
            wait = min(FIRST_WAIT * 2 ** max(failures - 1, 0), LONGEST_WAIT)
            logging.info("%s: %s: trying again in %.0f s", archive.name, reason, wait)
            time.sleep(wait)


def _go_on(archive: Archive, part: Path, have: int, by_hand: str) -> None:
    """Append what one connection brings to a partial file of that many bytes.

    Raises:
        _Interrupted, RequestException: the connection broke, or the server is busy: worth another attempt.
        InputError: it is not.
    """
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status, reason = response.status_code, response.reason
        if status in BUSY:
            raise _Interrupted(f"the server answers {status} ({reason})")
        if status == 416:  # the partial file is longer than what the server has
            part.unlink()
            raise _Interrupted("the server refuses to go on")
        if status not in (200, 206):
            raise InputError(f"{archive.url}: the server answers {status} ({reason}): {by_hand}.")
        resumed = status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise _Interrupted("the server goes on at another place than asked for")
        start = have if resumed else 0  # a server without ranges starts over
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) != archive.size:
            raise InputError(
                f"{archive.url} has {start + int(length)} bytes instead of {archive.size}: {by_hand}."
            )
        _append(response, archive, part, start)
    if _size(part) < archive.size:
        raise _Interrupted("the connection ended early")


def _append(response: requests.Response, archive: Archive, part: Path, start: int) -> None:
    bar = tqdm(total=archive.size, initial=start, desc=archive.name, unit="B", unit_scale=True, disable=None)
    with bar, part.open("ab" if start else "wb") as file:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
            if file.tell() > archive.size:  # a server that does not announce a length
                return


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def extract(archive: Path, root: Path, members: Sequence[str]) -> None:
    """Extract some files or directories of a ZIP file below a directory, each whole or not at all.

    Raises:
        InputError: the archive is damaged, lacks a member, or holds links or paths that leave the directory.
    """
    staging = root / f".{archive.stem}-extracting"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as content:
            wanted = _wanted(archive, content.infolist(), members)
            _check_free(root, sum(entry.file_size for entry in wanted), f"to extract {archive.name}")
            for entry in tqdm(wanted, desc=f"extract {archive.name}", unit="file", disable=None):
                content.extract(entry, staging)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{archive} is damaged ({error}): delete it and run this again.") from None
    for member in members:
        (root / member).parent.mkdir(parents=True, exist_ok=True)
        (staging / member).replace(root / member)
    shutil.rmtree(staging)


def _wanted(archive: Path, entries: list[zipfile.ZipInfo], members: Sequence[str]) -> list[zipfile.ZipInfo]:
    """The entries that belong to the members, after a look at all of them."""
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        leaves = path.is_absolute() or PureWindowsPath(entry.filename).drive or ".." in path.parts
        if leaves or stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(
                f"{archive} holds {entry.filename!r}, a link or a path that leaves the directory: "
                "it is not the published file."
            )
    for member in members:
        if not any(entry.filename == member or entry.filename.startswith(f"{member}/") for entry in entries):
            raise InputError(f"{archive} holds no {member}: it is not the published file.")
    return [
        entry
        for entry in entries
        if any(entry.filename == member or entry.filename.startswith(f"{member}/") for member in members)
    ]
