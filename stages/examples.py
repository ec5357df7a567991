"""What trained networks see in a few test images: their heatmaps and people, for Figure 5.

Usage: python -m stages.examples
"""

import io
from pathlib import Path

import cv2
import numpy as np
import torch

from litepose.core.files import write_bytes
from litepose.datasets.annotations import ImageRecord
from litepose.datasets.keypoints import normalise
from litepose.inference import Resizing, forward_test, predict
from litepose.models import weights
from litepose.models.weights import Trained
from report.pictured import choose
from report.runs import figure5
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import device, run_stage
from stages.lib.testing.networks import files

IMAGES = 3
MAX_SIDE = 480  # px of a stored image
OUT = Path("data/examples.npz")


def main(values: Values) -> None:
    """Write ``data/examples.npz``; `report.examples.read` describes it."""
    data, place = keypoint_data("crowdpose", values), device(values["device"])
    chosen = choose(data.load(data.test[0]).images, IMAGES)
    stored = [_shrunk(record) for record in chosen]
    content: dict[str, np.ndarray] = {}
    for number, (record, (image, scale)) in enumerate(zip(chosen, stored, strict=True)):
        truth = record.keypoints[~record.iscrowd] * [scale, scale, 1]
        content |= {f"{number}/image": image, f"{number}/truth": truth.astype(np.float32)}
    for name, run in figure5(values["kernels"]["runs"]).items():
        network = weights.load(next(iter(files(run).values())))
        network.model.to(place)
        for number, (image, _) in enumerate(stored):
            content[f"{number}/{name}/heatmap"] = heatmap(network, image, place)
            content[f"{number}/{name}/people"] = people(
                network, image, len(content[f"{number}/truth"]), place
            )
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **content)
    write_bytes(OUT, packed.getvalue())


def heatmap(network: Trained, image: np.ndarray, place: torch.device) -> np.ndarray:
    """The largest of all joints' heatmaps at each pixel of the image: uint8 [h, w], 255 for 1."""
    height, width = image.shape[:2]
    resizing = Resizing.fit(width, height, network.input_size)
    pixels = torch.from_numpy(resizing.apply(image)).permute(2, 0, 1)[None].to(place)
    with torch.no_grad():
        maps, _ = forward_test(network.model, normalise(pixels), network.skeleton)
    strongest = maps[0].amax(0).clamp(0, 1).cpu().numpy()
    matrix = np.array([[resizing.scale, 0, resizing.shift[0]], [0, resizing.scale, resizing.shift[1]]])
    back = cv2.warpAffine(strongest, matrix, (width, height), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    return np.rint(255 * back).astype(np.uint8)


def people(network: Trained, image: np.ndarray, count: int, place: torch.device) -> np.ndarray:
    """The best-scored people, at most so many: float32 [P, J, 3], x and y in pixels, score."""
    found = predict(network.model, [image], network.skeleton, network.input_size, device=place)
    best = sorted(found, key=lambda person: -person["score"])[:count]
    joints = [person["keypoints"] for person in best]
    return np.array(joints, np.float32).reshape(-1, network.skeleton.num_joints, 3)


def _shrunk(record: ImageRecord) -> tuple[np.ndarray, float]:
    """The image, at most MAX_SIDE px, and its pixels per pixel of the original."""
    image = record.read()
    scale = min(1.0, MAX_SIDE / max(image.shape[:2]))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale


if __name__ == "__main__":
    run_stage(main)
