"""Fixtures of several test files."""

import json

import pytest

from support import pose_data


@pytest.fixture(scope="session")
def crowdpose_val(tmp_path_factory):
    truth, detections = pose_data.crowdpose_val()
    file = tmp_path_factory.mktemp("crowdpose") / "val.json"
    file.write_text(json.dumps(truth))
    return file, detections
