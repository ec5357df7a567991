"""Fixtures of several test files."""

import json

import pytest

from support import pose_data

LONGEST = "test_pipeline.py"  # runs the whole pipeline


def pytest_collection_modifyitems(items):
    """Put the longest file first: of several workers one has it while the others run the rest."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture(scope="session")
def crowdpose_val(tmp_path_factory):
    truth, detections = pose_data.crowdpose_val()
    file = tmp_path_factory.mktemp("crowdpose") / "val.json"
    file.write_text(json.dumps(truth))
    return file, detections
