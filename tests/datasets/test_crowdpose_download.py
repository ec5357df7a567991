"""CrowdPose from Google Drive, whose pages a local server plays: confirmed, resumed, refused, counted."""

import hashlib
import io
import json
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests

from litepose import download, drive
from litepose.core.errors import InputError
from litepose.download import complete
from support.archives import packed

SPLITS = {"train": 3, "val": 1, "trainval": 4, "test": 2}
PAGE = (  # on one line, as Drive's
    '<html><form id="download-form" action="{place}/download" method="get"><input type="hidden" name="id" '
    'value="{id}"><input type="hidden" name="confirm" value="t"></form>Too large to be scanned.</html>'
)
REFUSED = "Too many users have viewed or downloaded this file recently."
QUOTA = f'<html><p class="uc-error-subcaption">{REFUSED}</p></html>'


def lists(counts=SPLITS):
    return {
        f"crowdpose_{split}.json": json.dumps({"images": [{"id": n} for n in range(count)]}).encode()
        for split, count in counts.items()
    }


def photographs(count=6):
    rng = np.random.default_rng(0)
    return packed({"images/": b""} | {f"images/{number}.jpg": rng.bytes(400_000) for number in range(count)})


class Drive(BaseHTTPRequestHandler):
    """A page that asks to confirm, then the file; behaviours of the server's plan come first."""

    def do_GET(self):
        server, asked = self.server, urlsplit(self.path)
        behaviour = server.plan.pop(0) if server.plan else "serve"
        server.requests.append((asked.path, self.headers.get("Range")))
        (file_id,) = parse_qs(asked.query)["id"]
        if behaviour == "stall":
            server.stop.wait(20)
        elif isinstance(behaviour, int):
            self.send_error(behaviour)
        elif behaviour == "quota" or asked.path == "/uc":
            page = QUOTA if behaviour == "quota" else PAGE.format(place=server.place, id=file_id)
            self.answer(200, page.encode(), {"Content-Type": "text/html"})
        else:
            content = server.files[file_id]
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            named = {"Content-Disposition": 'attachment; filename="f.zip"', "Content-Type": "application/zip"}
            if start:
                named["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(206 if start else 200, content[start:], named, cut=behaviour == "break")

    def answer(self, status, content, headers, cut=False):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A local server in the place of Google Drive's; a small CrowdPose lies on it."""
    for name, value in (("COUNT", 6), ("SPLITS", SPLITS)):
        monkeypatch.setattr(download, f"CROWDPOSE_{name}", value)
    monkeypatch.setattr(drive, "TIMEOUT", (1.0, 0.5))
    monkeypatch.setattr(drive, "RETRIES", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Drive) as httpd:
        httpd.files = {
            download.CROWDPOSE_IMAGES: photographs(),
            download.CROWDPOSE_ANNOTATIONS: packed(lists()),
        }
        httpd.plan, httpd.requests, httpd.stop = [], [], threading.Event()
        httpd.place = f"http://127.0.0.1:{httpd.server_port}"
        request = requests.Session.request

        def redirected(session, method, url, **options):
            return request(session, method, url.replace("https://drive.google.com", httpd.place), **options)

        monkeypatch.setattr(requests.Session, "request", redirected)
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield httpd
        httpd.stop.set()
        httpd.shutdown()
        thread.join()


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


WHOLE = {f"images/{number}.jpg" for number in range(6)} | {
    f"json/crowdpose_{split}.json" for split in ("train", "val", "test")
}


def test_crowdpose_arrives_in_its_layout_with_checksums_and_a_second_call_does_nothing(server, tmp_path):
    complete(tmp_path, "crowdpose", ["train", "val", "test"])
    assert files(tmp_path) == WHOLE | {"SHA256SUMS"}
    assert not (tmp_path / ".downloads").exists()
    sums = [hashlib.sha256(content).hexdigest() for content in server.files.values()]
    assert (tmp_path / "SHA256SUMS").read_text() == f"{sums[0]}  images.zip\n{sums[1]}  annotations.zip\n"
    server.requests.clear()
    complete(tmp_path, "crowdpose", ["train", "val", "test"])
    assert not server.requests


def test_annotations_may_lie_anywhere_in_an_archive_of_either_kind(server, tmp_path):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as tape:
        for name, content in lists().items():
            entry = tarfile.TarInfo(f"../../CrowdPose/json/{name}")
            entry.size = len(content)
            tape.addfile(entry, io.BytesIO(content))
    server.files[download.CROWDPOSE_ANNOTATIONS] = memory.getvalue()
    root = tmp_path / "a/b/c"
    complete(root, "crowdpose", ["train", "val", "test"])
    assert files(tmp_path) == {f"a/b/c/{name}" for name in WHOLE | {"SHA256SUMS"}}


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path):
    server.plan = ["serve", "break", "serve", "serve", "break"]
    complete(tmp_path, "crowdpose", ["val"])
    assert [wanted is not None for path, wanted in server.requests if path == "/download"].count(True) >= 2
    assert {"images/0.jpg", "json/crowdpose_val.json"} <= files(tmp_path)


def test_what_an_interrupted_call_received_is_not_fetched_again(server, tmp_path):
    server.plan = ["serve", "break", 503]
    with pytest.raises(
        InputError, match=r"Google Drive does not give images\.zip \(.*\): run this again later"
    ):
        complete(tmp_path, "crowdpose", ["val"])
    server.requests.clear()
    complete(tmp_path, "crowdpose", ["val"])
    assert any(wanted and wanted != "bytes=0-" for _, wanted in server.requests)
    assert "images/5.jpg" in files(tmp_path)


def test_a_quota_is_one_sentence_that_says_what_to_do_by_hand(server, tmp_path):
    server.plan = ["quota"]
    with pytest.raises(InputError) as refused:
        complete(tmp_path, "crowdpose", ["train", "val"])
    said = str(refused.value)
    assert f"Google Drive does not give images.zip ({REFUSED}" in said
    assert (
        f"put images.zip in {tmp_path} and crowdpose_train.json, crowdpose_val.json in {tmp_path}/json"
        in said
    )
    assert "\n" not in said


def test_a_download_that_stalls_is_one_sentence(server, tmp_path):
    server.plan = ["serve", "stall"]
    with pytest.raises(
        InputError, match=r"sends nothing more of images\.zip \(ReadTimeout\): run this again later"
    ):
        complete(tmp_path, "crowdpose", ["val"])


def test_stalls_end_within_a_minute():
    assert max(drive.TIMEOUT) * (drive.RETRIES + 1) + sum(2**n for n in range(drive.RETRIES)) < 60
    assert download.TIMEOUT * download.STALLS + sum(2**n for n in range(download.STALLS - 1)) < 60


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("IMAGES", photographs(5), r"holds 5 images of CrowdPose instead of 6: delete it"),
        ("IMAGES", b"<html>", r"images\.zip is damaged"),
        (
            "IMAGES",
            packed({"images/../../out": b""} | {f"images/{n}": b"" for n in range(5)}),
            "leaves the directory",
        ),
        (
            "ANNOTATIONS",
            packed(lists(SPLITS | {"val": 7})),
            r"holds 7 images of crowdpose_val\.json instead of 1",
        ),
        (
            "ANNOTATIONS",
            packed({"crowdpose_val.json": b"{}"}),
            r"crowdpose_val\.json in it is no annotation file",
        ),
        ("ANNOTATIONS", packed({"else.json": b"{}"}), r"holds no crowdpose_val\.json"),
        ("ANNOTATIONS", b"cut off", r"annotations\.zip is damaged"),
    ],
)
def test_what_is_not_the_published_file_is_refused(server, tmp_path, kind, content, sentence):
    server.files[getattr(download, f"CROWDPOSE_{kind}")] = content
    with pytest.raises(InputError, match=sentence):
        complete(tmp_path / "root", "crowdpose", ["val"])
    assert "json/crowdpose_val.json" not in files(tmp_path / "root")
    assert not (tmp_path / "out").exists()


def test_archives_that_a_person_put_there_are_used_and_kept(server, tmp_path):
    (tmp_path / "images.zip").write_bytes(packed({"images/1.jpg": b"one"}))
    (tmp_path / "annotations.zip").write_bytes(packed(lists({"val": 1})))
    complete(tmp_path, "crowdpose", ["val"])
    assert files(tmp_path) == {"images.zip", "annotations.zip", "images/1.jpg", "json/crowdpose_val.json"}
    assert not server.requests


def test_without_gdown_one_sentence_says_how_to_install_it_and_what_to_do_by_hand(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(
        InputError, match=r"pip install 'litepose\[crowdpose\]', or follow the links of https"
    ):
        complete(tmp_path, "crowdpose", ["val"])
