"""From JPEG files to people on COCO's photographs, beside plain loops with the released rules, in one run.

The network is the authors' LitePose-M. One thread computes, and times are CPU seconds of the process: what
others do on the machine does not count, and what runs beside the network saves nothing.
Usage: LITEPOSE_PHOTOGRAPHS=FOLDER PYTHONPATH=.:tests python tests/bench/photographs.py [IMAGES]
"""

import argparse
import time
from collections import Counter
from contextlib import contextmanager

import cv2
import numpy as np
import torch

from litepose.core.skeletons import COCO
from litepose.datasets import annotations
from litepose.datasets.images import read_image
from litepose.inference import Resizing, predict
from litepose.inference.blocks import Tags
from litepose.inference.grouping import group
from litepose.inference.maps import forward, upsampled
from support import photographs, plain_decoder, plain_inference

INPUT = 448


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=int, nargs="?")
    count = parser.parse_args().images
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    images = coco()
    images = annotations.Annotations(images.file, images.images[:count])
    estimator = photographs.network()
    seconds = Counter()
    network = Timed(estimator.model, seconds)
    with torch.no_grad():
        network(torch.zeros(1, 3, INPUT, INPUT))  # the first pass prepares
        seconds.clear()
        ours = end_to_end(network, images, estimator.skeleton, seconds)
        plain = plain_end_to_end(network, images, estimator.skeleton, seconds)
        decoding(estimator.model, images, estimator.skeleton, seconds)
        passes = [flip_test(estimator.model, together) for together in (False, True)]
    report(seconds, len(images), ours, plain)
    print("flip test at 640x448: {:.0f} ms in two passes, {:.0f} ms in one batch".format(*passes))


def coco():
    """The COCO photographs of both splits, as one."""
    root = photographs.folder("real") / "coco"
    splits = [
        annotations.load(root / f"annotations/person_keypoints_{split}.json", root / split, COCO)
        for split in ("train2017", "val2017")
    ]
    return annotations.Annotations(splits[0].file, [image for split in splits for image in split])


class Timed(torch.nn.Module):
    """A network whose seconds are counted, by the memory format of its input."""

    def __init__(self, network, seconds):
        super().__init__()
        self.network, self.seconds, self.part = network, seconds, "network"

    def forward(self, images):
        with counted(self.seconds, self.part, time.thread_time):
            return self.network(images)


@contextmanager
def counted(seconds, part, clock=time.process_time):
    started = clock()
    yield
    seconds[part] += clock() - started


def end_to_end(network, images, skeleton, seconds):
    """Ours; people per image."""
    started = time.perf_counter()
    with counted(seconds, "all"):
        found = predict(network, images, skeleton, INPUT)
    seconds["all, by the clock"] = time.perf_counter() - started
    return [[one["keypoints"] for one in found if one["image_id"] == image.id] for image in images]


def plain_end_to_end(network, images, skeleton, seconds):
    """The released rules; people per image."""
    network.part = "plain network"
    network.network = network.network.to(memory_format=torch.contiguous_format)
    with counted(seconds, "plain all"):
        found = [plain_inference.people(network, image.path, skeleton, INPUT)[0] for image in images]
    network.network = network.network.to(memory_format=torch.channels_last)
    return [[person[:, :3].ravel().tolist() for person in people] for people in found]


def decoding(model, images, skeleton, seconds):
    """Of maps at stride 2 to people: up-sampling and grouping."""
    for image in images:
        pixels = Resizing.fit(image.width, image.height, INPUT).apply(read_image(image.path))
        heatmaps, tags = forward(model, plain_inference.network_input(pixels), skeleton, True)
        size = pixels.shape[:2]
        with counted(seconds, "decoding"):
            group(upsampled([heatmaps], size), Tags.of(tags, size))
        with counted(seconds, "plain decoding"):
            large = plain_inference.upsampled(heatmaps, size)
            tag = torch.stack([plain_inference.upsampled(component, size) for component in tags], -1)
            plain_decoder.group(large[0], tag[0])


def flip_test(model, together):
    """CPU milliseconds of an image and its mirror image through the network, the least of a few tries."""
    image = torch.rand(1, 3, INPUT, 640)
    batches = [torch.cat([image, image.flip(3)])] if together else [image, image.flip(3)]
    tries = Counter()
    for number in range(5):
        with counted(tries, number):
            for batch in batches:
                model(batch)
    return 1000 * min(tries.values())


def report(seconds, count, ours, plain):
    people = sum(map(len, plain))
    same = sum(
        np.shape(one) == np.shape(other) and np.allclose(one, other, atol=1e-3)
        for one, other in zip(ours, plain, strict=True)
    )
    print(f"{count} photographs, {people} people; the same people in both ways on {same}")
    print(f"{'CPU ms per photograph':<28} {'plain':>8} {'litepose':>9} {'ratio':>6}")
    for part in ("all", "network", "decoding"):
        both = 1000 * seconds[f"plain {part}"] / count, 1000 * seconds[part] / count
        name = {"all": "from JPEG to people", "network": "of these, the network"}.get(part, f"{part} alone")
        print(f"{name:<28} {both[0]:>8.0f} {both[1]:>9.1f} {both[0] / both[1]:>6.1f}")
    print(
        f"the network's share: plain {seconds['plain network'] / seconds['plain all']:.0%}, "
        f"litepose {seconds['network'] / seconds['all']:.0%}"
    )
    print(
        f"litepose by the clock, reading and decoding beside the network: "
        f"{1000 * seconds['all, by the clock'] / count:.0f} ms per photograph"
    )


if __name__ == "__main__":
    main()
