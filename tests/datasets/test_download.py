"""Downloads from a server that breaks, stalls, lies or refuses, and archives that are not as published."""

import hashlib
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from litepose import download
from litepose.core.errors import InputError
from litepose.download import Archive, complete, complete_imagenet, extract, fetch
from support.archives import packed


def picture(seed):
    return np.random.default_rng(seed).bytes(20_000)


CONTENT = packed({f"train2017/{number}.jpg": picture(number) for number in range(5)})


class Handler(BaseHTTPRequestHandler):
    """Answers with the server's next behaviour, and remembers what was asked for."""

    def do_GET(self):
        server = self.server
        behaviour = server.plan.pop(0) if server.plan else "serve"
        server.requests.append((self.path, self.headers.get("Range")))
        content = server.files[self.path]
        if isinstance(behaviour, int):
            self.send_error(behaviour)
            return
        start = 0
        if behaviour != "ignore range" and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            place = 0 if behaviour == "other range" else start
            self.send_header("Content-Range", f"bytes {place}-{len(content) - 1}/{len(content)}")
        if behaviour != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if behaviour == "wrong bytes":
            rest = bytes(len(rest))
        if behaviour in ("break", "stall", "no length"):
            rest = rest[: len(rest) // 2]
        for first in range(0, len(rest), 10_000):  # throttled: a few packets, with a pause between them
            self.wfile.write(rest[first : first + 10_000])
            self.wfile.flush()
            server.pause.wait(0.005)
        if behaviour == "stall":
            server.pause.wait(20)
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A local server; its plan is what it does at one request after the other, then it serves."""
    monkeypatch.setattr(download, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(download, "TIMEOUT", 1.0)
    monkeypatch.setattr(download, "CHUNK", 1000)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.files = {"/train2017.zip": CONTENT}
        httpd.plan, httpd.requests, httpd.pause = [], [], threading.Event()
        httpd.place = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield httpd
        httpd.pause.set()
        httpd.shutdown()
        thread.join()


def published(server, name="train2017.zip", members=("train2017",)):
    content = server.files[f"/{name}"]
    return Archive(f"{server.place}/{name}", len(content), hashlib.md5(content).hexdigest(), members)


@pytest.fixture
def target(tmp_path):
    (tmp_path / "coco/.downloads").mkdir(parents=True)
    return tmp_path / "coco/.downloads/train2017.zip"


def fetched(server, target):
    fetch(published(server), target)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return server.requests


# -- fetching


def test_a_file_arrives_whole_and_under_its_name_only_then(server, target):
    assert len(fetched(server, target)) == 1


@pytest.mark.parametrize("fault", ["break", "stall", "no length"])
def test_a_connection_that_ends_in_the_middle_is_taken_up_where_it_ended(server, target, fault):
    server.plan = [fault, fault]
    ranges = [wanted for _, wanted in fetched(server, target)]
    starts = [int(wanted.removeprefix("bytes=").rstrip("-")) for wanted in ranges[1:]]
    assert ranges[0] is None
    assert 0 < starts[0] < starts[1] < len(CONTENT)


def test_an_interrupted_call_is_taken_up_by_the_next_one(server, target):
    target.with_name("train2017.zip.part").write_bytes(CONTENT[:5000])
    assert fetched(server, target) == [("/train2017.zip", "bytes=5000-")]


def test_a_server_that_ignores_ranges_starts_the_file_over(server, target):
    server.plan = ["break", "ignore range"]
    assert len(fetched(server, target)) == 2


def test_a_server_that_goes_on_at_another_place_is_not_believed(server, target):
    server.plan = ["break", "other range"]
    assert fetched(server, target)[-1] == ("/train2017.zip", None)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, target, status):
    server.plan = [status, status, "serve"]
    assert len(fetched(server, target)) == 3


def test_waits_between_attempts_double_up_to_a_minute(server, target, monkeypatch):
    waits = []
    monkeypatch.setattr(download, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=waits.append))
    server.plan = [503] * 100
    with pytest.raises(InputError, match=r"did not answer 8 times in a row.*503.*run this again later"):
        fetch(published(server), target)
    assert waits == [1, 2, 4, 8, 16, 32, 60]


def test_a_server_that_is_not_there_is_one_short_sentence(target, monkeypatch):
    monkeypatch.setattr(download, "FIRST_WAIT", 0.0)
    with pytest.raises(
        InputError, match=r"did not answer 8 times in a row \(no connection \(ConnectionError\)\)"
    ):
        fetch(Archive("http://127.0.0.1:9/train2017.zip", 10, "", ()), target)


def test_progress_between_two_faults_forgives_the_first(server, target, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    server.plan = [503, "break", 503, "break", 503]
    fetched(server, target)


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_one_sentence_that_says_where_to_put_the_file(server, target, status):
    server.plan = [status]
    with pytest.raises(
        InputError, match=rf"answers {status}.*fetch train2017.zip by other means and put it in"
    ):
        fetch(published(server), target)
    assert len(server.requests) == 1


def test_wrong_bytes_are_fetched_once_more(server, target):
    server.plan = ["wrong bytes"]
    assert len(fetched(server, target)) == 2


def test_wrong_bytes_twice_are_refused_and_not_kept(server, target):
    server.plan = ["wrong bytes", "wrong bytes"]
    with pytest.raises(InputError, match="sent wrong bytes twice"):
        fetch(published(server), target)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("kept", [0, 100])
def test_a_file_of_another_size_is_refused_before_it_is_fetched(server, target, kept):
    expected = published(server)
    target.with_name("train2017.zip.part").write_bytes(CONTENT[:kept])
    server.files["/train2017.zip"] = CONTENT + b"more"
    with pytest.raises(InputError, match=rf"has {len(CONTENT) + 4} bytes instead of {len(CONTENT)}"):
        fetch(expected, target)


def test_a_partial_file_that_is_too_long_is_fetched_anew(server, target):
    target.with_name("train2017.zip.part").write_bytes(CONTENT + b"more")
    assert fetched(server, target) == [("/train2017.zip", None)]


# -- extraction


def archive(tmp_path, entries):
    path = tmp_path / "some.zip"
    path.write_bytes(packed(entries))
    return path


def test_only_the_wanted_members_are_extracted(tmp_path):
    path = archive(tmp_path, {"a/1": "one", "a/2/3": "three", "b": "file", "ab": "other"})
    extract(path, tmp_path, ["a"])
    assert files(tmp_path) == {"some.zip", "a/1", "a/2/3"}


def test_what_an_interrupted_extraction_left_does_not_matter(tmp_path):
    path = archive(tmp_path, {"a/1": "one"})
    (tmp_path / ".some-extracting/a").mkdir(parents=True)
    (tmp_path / ".some-extracting/a/half").write_text("on")
    extract(path, tmp_path, ["a"])
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["1"]
    assert not (tmp_path / ".some-extracting").exists()


def link():
    entry = zipfile.ZipInfo("a/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "..\\out", "C:\\out", link()], ids=str)
def test_paths_that_leave_the_directory_and_links_are_refused(tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    path = archive(root, {"a/1": "one", name: "/etc/passwd"})
    with pytest.raises(InputError, match="a link or a path that leaves the directory"):
        extract(path, root, ["a"])
    assert [file.name for file in tmp_path.rglob("*")] == ["root", "some.zip"]


def test_a_damaged_archive_is_named_and_gives_nothing(tmp_path):
    path = archive(tmp_path, {"a/1": "one" * 100})
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"some\.zip is damaged.*delete it"):
        extract(path, tmp_path, ["a"])
    assert not (tmp_path / "a").exists()


def test_an_archive_without_the_member_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no a"):
        extract(archive(tmp_path, {"b": "file"}), tmp_path, ["a"])


# -- data sets


@pytest.fixture
def coco(server, monkeypatch, tmp_path):
    """COCO's files on the local server, and the directory that they go to."""
    server.files |= {
        "/val2017.zip": packed({"val2017/1.jpg": picture(9)}),
        "/annotations_trainval2017.zip": packed(
            {f"annotations/{kind}_{split}2017.json": kind + split for split in ("train", "val")
             for kind in ("person_keypoints", "captions")}
        ),
    }  # fmt: skip
    members = {archive.name: archive.members for archive in download.COCO}
    monkeypatch.setattr(download, "COCO", [published(server, name, members[name]) for name in members])
    return tmp_path / "datasets/coco"


def asked(server):
    return [path for path, _ in server.requests]


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_coco_arrives_in_its_own_layout_and_a_second_call_does_nothing(server, coco):
    complete(coco, "coco", ["train", "val"])
    assert files(coco) == {
        *(f"train2017/{number}.jpg" for number in range(5)),
        "val2017/1.jpg",
        "annotations/person_keypoints_train2017.json",
        "annotations/person_keypoints_val2017.json",
    }
    server.requests.clear()
    complete(coco, "coco", ["train", "val"])
    assert not server.requests


def test_only_the_splits_that_are_used_are_fetched(server, coco):
    complete(coco, "coco", ["val"])
    assert asked(server) == ["/annotations_trainval2017.zip", "/val2017.zip"]
    assert files(coco) == {"val2017/1.jpg", "annotations/person_keypoints_val2017.json"}


def test_what_lies_there_already_is_not_fetched(server, coco):
    (coco / "images/val2017").mkdir(parents=True)
    complete(coco, "coco", ["val"])
    assert asked(server) == ["/annotations_trainval2017.zip"]


def test_an_archive_that_lies_there_is_used_and_kept(server, coco):
    coco.mkdir(parents=True)
    (coco / "val2017.zip").write_bytes(server.files["/val2017.zip"])
    complete(coco, "coco", ["val"])
    assert asked(server) == ["/annotations_trainval2017.zip"]
    assert {"val2017.zip", "val2017/1.jpg"} <= files(coco)


def test_an_archive_that_lies_there_with_other_bytes_is_refused(server, coco):
    coco.mkdir(parents=True)
    (coco / "val2017.zip").write_bytes(bytes(len(server.files["/val2017.zip"])))
    with pytest.raises(InputError, match=r"is not the published val2017\.zip: delete it"):
        complete(coco, "coco", ["val"])


def test_a_broken_download_of_a_data_set_goes_on_at_the_next_call(server, coco, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.plan = ["serve", "serve", "break", 403]
    with pytest.raises(InputError, match="answers 403"):
        complete(coco, "coco", ["train", "val"])
    server.requests.clear()
    complete(coco, "coco", ["train", "val"])
    ((path, wanted),) = server.requests
    assert path == "/train2017.zip"
    assert wanted.startswith("bytes=")


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(server, coco, monkeypatch):
    sizes = [archive.size for archive in download.COCO]
    needed = int(download.EXTRACTED * sum(sizes) + max(sizes))
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - 1))
    with pytest.raises(InputError, match=r"GB are needed to download and extract.*make room"):
        complete(coco, "coco", ["train", "val"])
    assert not server.requests
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=needed))
    complete(coco, "coco", ["train", "val"])


def test_a_disk_that_has_filled_up_is_told_before_anything_is_extracted(tmp_path, monkeypatch):
    path = archive(tmp_path, {"a/1": "one" * 100})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=299))
    with pytest.raises(InputError, match=r"are needed to extract some\.zip"):
        extract(path, tmp_path, ["a"])
    assert files(tmp_path) == {"some.zip"}


def test_cocos_test_split_has_no_public_keypoints(coco):
    with pytest.raises(InputError, match="test split cannot be fetched"):
        complete(coco, "coco", ["test"])


def test_imagenet_says_what_to_fetch_and_takes_any_folder_of_class_folders(tmp_path):
    with pytest.raises(InputError, match=r"ILSVRC2012_img_train\.tar.*train/<class>/"):
        complete_imagenet(tmp_path)
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
    complete_imagenet(tmp_path)


def test_the_published_archives_hold_both_splits():
    members = [member for archive in download.COCO for member in archive.members]
    assert sorted(members) == [
        *(f"annotations/person_keypoints_{split}2017.json" for split in ("train", "val")),
        "train2017",
        "val2017",
    ]
    assert all(len(archive.md5) == 32 for archive in download.COCO)
