"""Small annotated splits for tests: noise images with people of known joints."""

import json

import cv2
import numpy as np

from support import DATA

GOLDEN = DATA / "pose"


def person(skeleton, joints, image_id=1, **fields):
    """An annotation whose joints are given as [J, 3], or as a dictionary of joint name to (x, y, v)."""
    if isinstance(joints, dict):
        joints = [joints.get(name, (0, 0, 0)) for name in skeleton.joints]
    joints = np.asarray(joints, float)
    seen = joints[joints[:, 2] > 0, :2] if (joints[:, 2] > 0).any() else np.array([[0, 0], [10, 10]])
    low, size = seen.min(0), np.ptp(seen, 0) + 1
    return {
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": joints.reshape(-1).tolist(),
        "num_keypoints": int((joints[:, 2] > 0).sum()),
        "bbox": [*low.tolist(), *size.tolist()],
        "area": float(size.prod()),
        **fields,
    }


def content(skeleton, people, sizes=((160, 120),), crowd=0.0):
    """An annotation file's content: one image (ids from 1) per size (width, height)."""
    return {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": w, "height": h, "crowdIndex": crowd}
            for number, (w, h) in enumerate(sizes, 1)
        ],
        "annotations": [{"id": number, **entry} for number, entry in enumerate(people, 1)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(skeleton.joints)}],
    }


def write(directory, contents):
    """Write annotation file and images; returns the paths of both."""
    file, images = directory / "people.json", directory / "images"
    images.mkdir(exist_ok=True)
    for image in contents["images"]:
        rng = np.random.default_rng(image["id"])
        pixels = rng.integers(0, 255, (image.get("height", 8), image.get("width", 8), 3), np.uint8)
        cv2.imwrite(str(images / image["file_name"]), pixels)
    file.write_text(json.dumps(contents))
    return file, images


def crowdpose_val():
    """CrowdPose val's annotations, and golden detections rounded to a sixteenth of a pixel to be small."""
    arrays = dict(np.load(GOLDEN / "crowdpose_val.npz"))
    lists = {name: array.tolist() for name, array in arrays.items()}
    truth = {
        "images": [
            {"id": image, "crowdIndex": round(crowd, 2), "width": size[0], "height": size[1]}
            for image, crowd, size in zip(
                lists["image_ids"], lists["crowd_index"], lists["image_size"], strict=True
            )
        ],
        "annotations": [
            {
                "id": number + 1,
                "image_id": lists["truth_image"][number],
                "category_id": 1,
                "iscrowd": int(lists["iscrowd"][number]),
                "num_keypoints": lists["num_keypoints"][number],
                "keypoints": arrays["truth_keypoints"][number].reshape(-1).tolist(),
                "bbox": lists["truth_box"][number],
            }
            for number in range(len(lists["truth_image"]))
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    places = arrays["keypoints"] / 16
    rows = np.concatenate([places, np.ones((*places.shape[:2], 1))], 2).reshape(len(places), -1).tolist()
    detections = [
        {"image_id": image, "category_id": 1, "keypoints": row, "score": score}
        for image, row, score in zip(lists["image"], rows, lists["score"], strict=True)
    ]
    return truth, detections
