"""AP on the joints that COCO and CrowdPose share."""

import numpy as np
import pytest

from litepose.core.skeletons import COCO, CROWDPOSE
from support.pose_data import content, person
from tools.shared_joints import scores

SHARED = [joint for joint in COCO.joints if joint in CROWDPOSE.joints]


@pytest.fixture
def truth():
    """Two people with all of COCO's joints, and one of whom only the face is seen."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(10, 110, (3, 17, 3))
    joints[..., 2] = 2
    joints[2, 5:] = 0
    joints[1, :, 0] += 120
    return content(COCO, [person(COCO, one) for one in joints], [(260, 120)])


def detected(annotation, **moved):
    """An annotated person as a network for CrowdPose finds it, with some joints elsewhere."""
    joints = dict(zip(COCO.joints, np.reshape(annotation["keypoints"], (17, 3)).tolist(), strict=True))
    places = {name: joints.get(name, [0, 0, 0.5]) for name in CROWDPOSE.joints} | moved
    return {
        "image_id": 1,
        "category_id": 1,
        "keypoints": [value for name in CROWDPOSE.joints for value in places[name]],
        "score": 0.9,
    }


def test_twelve_joints_are_shared():
    assert list(COCO.joints[5:]) == SHARED


def test_people_are_right_when_the_shared_joints_are(truth):
    people = [detected(one) for one in truth["annotations"][:2]]
    assert scores(truth, people, CROWDPOSE, SHARED)["AP"] == pytest.approx(1)


def test_a_shared_joint_elsewhere_costs_precision(truth):
    people = [detected(one, left_hip=[5, 5, 0.5]) for one in truth["annotations"][:2]]
    assert 0 < scores(truth, people, CROWDPOSE, SHARED)["AP"] < 1
