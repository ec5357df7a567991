"""Evaluating LitePose-XS at 256 px on all cores, flip test included, on drawn scenes: where the time goes.

The network computes as always, but its maps are replaced by such as a good network gives for the scene, drawn
beforehand (4 MB per image). Usage: python tests/bench/evaluation.py [IMAGES]
"""

import argparse
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch

import scenes
from litepose import inference, models
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations, manifest, targets
from litepose.datasets.keypoints import normalise
from litepose.evaluation import evaluate
from litepose.inference import prediction
from stages.lib.common.running import keep_memory
from support import perfect_network

SIZE = 256
SCENES = scenes.SceneSettings(
    short_side=320, min_height=0.0, max_people=30, max_crowd_index=1.0, jpeg_quality=90
)
MISSED, NOISE, TAG_NOISE = 0.15, 0.02, 0.1  # share of joints; of heatmaps; of tags, whose people are 2 apart
REACH = 3  # half the side of the square around a joint that has its person's tag, in map pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=int, nargs="?", default=1000)
    count = parser.parse_args().images
    keep_memory()
    with tempfile.TemporaryDirectory() as directory:
        scenes.write(Path(directory), CROWDPOSE, {"test": count}, SCENES, seed=0)
        splits = manifest.find_splits(Path(directory), "crowdpose", ["test"])
        loaded = annotations.load(*splits["test"], CROWDPOSE)
        seconds, detections, scores = measured(loaded)
    whole = seconds.pop("all")
    people = sum(len(image.keypoints) for image in loaded) / count
    print(
        f"{count} images of {people:.1f} people, {len(detections) / count:.1f} detected "
        f"(AP {scores['AP']:.2f}), {torch.get_num_threads()} threads: {count / whole:.1f} images/s"
    )
    print("beside each other in threads, so that the shares of the time add up to more than all:")
    for part, value in seconds.items():
        print(f"  {part}: {1000 * value / count:.1f} ms per image, {value / whole:.1%}")
    after = (seconds["decoding"] + seconds["evaluation"]) / whole
    print(f"decoding and evaluation together: {after:.1%} of the time")


def measured(loaded):
    """Seconds per part, detections and scores."""
    seconds = Counter()
    model = GoodNetwork(loaded, seconds)

    def timed(function, part):
        def call(*arguments):
            with counted(seconds, part):
                return function(*arguments)

        return call

    with (
        counted(seconds, "all"),
        mock.patch.object(prediction, "_inputs", timed(prediction._inputs, "reading and resizing")),
        mock.patch.object(prediction, "_decode", timed(prediction._decode, "decoding")),
    ):
        detections = inference.predict(model, loaded, CROWDPOSE, SIZE)
        with counted(seconds, "evaluation"):
            scores = evaluate(loaded.file, detections, CROWDPOSE)
    return seconds, detections, scores


@contextmanager
def counted(seconds, part):
    started = time.perf_counter()
    yield
    seconds[part] += time.perf_counter() - started


class GoodNetwork(torch.nn.Module):
    """LitePose-XS that gives the maps of a good network for images that it recognises by their pixels."""

    def __init__(self, loaded, seconds):
        super().__init__()
        self.network = models.create("litepose-xs").to(memory_format=torch.channels_last)
        self.seconds = seconds
        self.maps = {}
        for image in loaded:
            resizing = inference.Resizing.fit(image.width, image.height, SIZE)
            pixels = torch.from_numpy(resizing.apply(image.read())).permute(2, 0, 1)[None]
            joints = image.keypoints[image.keypoints[..., 2].any(1)].astype(float)
            joints[..., :2] = joints[..., :2] * resizing.scale + resizing.shift
            joints[np.random.default_rng(image.id).random(joints.shape[:2]) < MISSED] = 0
            mirrored = joints[:, list(CROWDPOSE.flip)]
            mirrored[..., 0] = resizing.width - 1 - mirrored[..., 0]
            seen = normalise(pixels)
            for view, people in ((seen, joints), (seen.flip(3), mirrored)):
                self.maps[key(view[0])] = drawn(people, *view.shape[2:])

    def forward(self, images):
        with counted(self.seconds, "network"):
            self.network(images)
        maps = [self.maps[key(image)] for image in images]
        return [torch.stack(scale) for scale in zip(*maps, strict=True)]


def key(image):
    """Number of an image, by some of its pixels [3, H, W]."""
    return hash(image[:, ::8, ::8].contiguous().numpy().tobytes())


def drawn(joints, height, width):
    """Outputs [2J, H/4, W/4] and [J, H/2, W/2] for people [P, J, 3] in input pixels."""
    rng = np.random.default_rng(len(joints))
    coarse, fine = (heatmaps(joints, height // stride, width // stride, stride, rng) for stride in (4, 2))
    tags = rng.normal(0, TAG_NOISE, coarse.shape).astype(np.float32)
    scaled = joints / [4, 4, 1]
    person, joint, x, y = perfect_network.visible_cells(scaled, width // 4, height // 4)
    for number, channel, column, row in zip(person, joint, x, y, strict=True):
        rows = slice(max(0, row - REACH), row + REACH + 1)
        columns = slice(max(0, column - REACH), column + REACH + 1)
        around = tags[channel, rows, columns]
        around += 2 * (number + 1) - 2 * np.rint(around / 2)
    return torch.from_numpy(np.concatenate([coarse, tags])), torch.from_numpy(fine)


def heatmaps(joints, height, width, stride, rng):
    clean = targets.heatmaps(joints / [stride, stride, 1], max(height, width))[:, :height, :width]
    return clean + np.abs(rng.normal(0, NOISE, clean.shape)).astype(np.float32)


if __name__ == "__main__":
    main()
