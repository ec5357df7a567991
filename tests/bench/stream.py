"""Predicting from a folder and a video, end to end, beside the bare network in the same runtime, in one run.

End to end is what `litepose predict` does once the network is loaded: reading, resizing, the network without
flip test, grouping, drawing, and writing pictures or a video and detections.json. The bare network sees as
many inputs of the same sizes, which lie in memory: one after the other on all threads, and, as the stream
does it, one on each thread. The 640x480 video and the folder are made of COCO's photographs of one to four
people. LitePose-XS and S have random weights, for there are no others to be had: once they have run, the
decoder gets what the authors' LitePose-M predicts.

Times are by the clock, each the least of several runs, taken in turns; beside them how many cores the process
had, which others on the machine may take. The parts are CPU times of one thread.
Usage: LITEPOSE_PHOTOGRAPHS=FOLDER PYTHONPATH=.:tests python tests/bench/stream.py [--runtimes pytorch,tvm]
"""

import argparse
import itertools
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

import litepose
from litepose import models
from litepose.cli.writing import Detections, Drawings
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets import annotations
from litepose.datasets.images import read_image
from litepose.datasets.keypoints import normalise
from litepose.inference import Resizing
from litepose.inference.estimator import Frame
from litepose.inference.prediction import find
from litepose.inference.sources import expand
from litepose.inference.streaming import in_order
from litepose.latency.networks import with_batch_statistics
from support import photographs, videos

SYSTEMS = {"litepose-xs": (256, 40), "litepose-s": (448, 15)}  # px, and frames per second to be reached
WIDTH, HEIGHT = 640, 480
MOST_PEOPLE = 4
REPEATS = 3
THREADS = 2


class Seeing(nn.Module):
    """Takes a network's time, if there is one, and predicts what LitePose-M saw in one of the photographs."""

    def __init__(self, outputs, network=None):
        super().__init__()
        self.network, self.outputs, self.turn = network, outputs, itertools.count()

    def forward(self, images):
        known = self.outputs[tuple(images.shape[2:])]
        seen = known[next(self.turn) % len(known)]
        # In the order in memory that the network itself gives, which is not the same in all runtimes.
        like = self.network(images) if self.network else seen
        return [torch.empty_like(own).copy_(output) for own, output in zip(like, seen, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runtimes", default="onnxruntime,pytorch", help="default: %(default)s")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="default: %(default)s")
    parser.add_argument("--frames", type=int, default=96, help="of the video; default: %(default)s")
    parser.add_argument("--images", type=int, help="of the folder; default: all")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = few_people()[: arguments.images]
        clip = video(root / "clip.mp4", files, arguments.frames)
        for name in arguments.systems.split(","):
            size, wanted = SYSTEMS[name]
            outputs = predicted(files, size)
            for runtime in arguments.runtimes.split(","):
                estimator = litepose.Estimator(
                    with_batch_statistics(models.create(name, 14)), CROWDPOSE, size, "cpu", runtime, THREADS
                )
                bare = estimator.network
                estimator.network = Seeing(outputs, bare)
                measure(f"{name} at {size} px, {runtime}", estimator, bare, clip, files, wanted)


def few_people():
    """COCO's photographs of one to four people."""
    root = photographs.folder("real") / "coco"
    found = []
    for split in ("train2017", "val2017"):
        images = annotations.load(root / f"annotations/person_keypoints_{split}.json", root / split, COCO)
        found += [image.path for image in images if 1 <= len(image.keypoints) <= MOST_PEOPLE]
    return found


def video(path, files, frames):
    """A moving window over each photograph in turn."""
    each = max(1, frames // len(files))
    pictures = []
    for number in range(frames):
        image = read_image(files[number // each % len(files)])
        large = cv2.resize(image, (WIDTH + 32, HEIGHT + 32))
        shift = 2 * (number % each)
        pictures.append(np.ascontiguousarray(large[shift : shift + HEIGHT, shift : shift + WIDTH]))
    return videos.write(path, pictures, rate=25)


@torch.no_grad()
def predicted(files, size):
    """LitePose-M's outputs for every shape of input."""
    network = photographs.network().model
    outputs = {}  # by the input's height and width
    pictures = [read_image(file) for file in files]
    pictures += [cv2.resize(image, (WIDTH, HEIGHT)) for image in pictures[:16]]
    for image in pictures:
        given = prepared(image, size)
        found = [output.clone() for output in network(given)]
        outputs.setdefault(tuple(given.shape[2:]), []).append(found)
    return outputs


def prepared(image, size):
    """The network's input."""
    height, width = image.shape[:2]
    pixels = Resizing.fit(width, height, size).apply(image)
    return normalise(torch.from_numpy(pixels[None]).permute(0, 3, 1, 2))


def measure(title, estimator, bare, clip, files, wanted):
    frames = videos.read(clip)
    size = estimator.input_size
    inputs = {
        "video": [prepared(frames[0], size)] * len(frames),
        "folder": [prepared(read_image(file), size) for file in files],
    }
    sources = {"video": [clip], "folder": files}
    ways = {}
    for kind, given in inputs.items():
        ways[f"{kind}, bare network"] = lambda given=given: run_bare(bare, given)
        ways[f"{kind}, bare network on each thread"] = lambda given=given: run_bare_on_each(bare, given)
        ways[f"{kind}, end to end"] = lambda kind=kind: run_whole(estimator, sources[kind])
    times = {way: [] for way in ways}
    for _ in range(REPEATS + 1):  # the first prepares
        for way, run in ways.items():
            started, busy = time.perf_counter(), time.process_time()
            run()
            seconds = time.perf_counter() - started
            times[way].append((seconds, (time.process_time() - busy) / seconds))
    best = {way: min(runs[1:]) for way, runs in times.items()}
    print(title)
    for kind, given in inputs.items():
        whole, cores = best[f"{kind}, end to end"]
        print(f"  {kind}: {len(given) / whole:.1f} images/s end to end, on {cores:.2f} cores")
        for way in ("bare network", "bare network on each thread"):
            seconds, cores = best[f"{kind}, {way}"]
            print(
                f"    {way}: {len(given) / seconds:.1f} images/s on {cores:.2f} cores; end to end takes "
                f"{whole / seconds:.2f} times its time"
            )
    batch = [read_image(file) for file in files[:16]]
    together = least(lambda: estimator(batch, flip=False))
    alone = least(lambda: [estimator(image, flip=False) for image in batch])
    print(f"  a call with {len(batch)} images takes {together / alone:.2f} times the time of as many calls")
    print(f"  to be reached on the video: {wanted} frames/s")
    parts = cpu_times(estimator, bare, clip, frames)
    print("  CPU ms per frame: " + ", ".join(f"{part} {1000 * value:.1f}" for part, value in parts.items()))


def least(run):
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def run_bare_on_each(network, inputs):
    for _ in in_order(lambda given: run_bare(network, [given]), inputs, THREADS):
        pass


@torch.no_grad()
def run_bare(network, inputs):
    for given in inputs:
        network(given)


def run_whole(estimator, places):
    """As `litepose predict` does; returns the frames' number."""
    with tempfile.TemporaryDirectory() as folder:
        sources = expand(places)
        targets = {
            source: Path(folder) / f"{source.place.stem}{'.mp4' if source.is_video else '.jpg'}"
            for source in sources
        }
        with (
            Detections(Path(folder) / "detections.json", estimator.skeleton) as people,
            Drawings(targets, estimator.skeleton, 0.1) as drawings,
        ):
            for frame in estimator.stream(sources, flip=False):
                people.add(frame)
                drawings.add(frame)


@torch.no_grad()
def cpu_times(estimator, bare, clip, frames):
    """Seconds per frame of each part, on one thread."""
    seconds = Counter()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    (source,) = expand(clip)
    sight = Seeing(estimator.network.outputs)
    decoder = litepose.Estimator(sight, estimator.skeleton, estimator.input_size)
    with tempfile.TemporaryDirectory() as folder:
        with counted(seconds, "reading"):
            for _, read in source.images():
                read()
        with Drawings({source: Path(folder) / "clip.mp4"}, estimator.skeleton, 0.1) as drawings:
            for number, image in enumerate(frames):
                given = prepared(image, estimator.input_size)
                with counted(seconds, "network"):
                    bare(given)
                with counted(seconds, "resizing and grouping"):
                    found = find(sight, image, estimator.skeleton, estimator.input_size, flip=False)
                with counted(seconds, "drawing and encoding"):
                    drawings.add(Frame(image, decoder._people(found), source, number))
    torch.set_num_threads(THREADS)
    cv2.setNumThreads(-1)
    return {part: value / len(frames) for part, value in seconds.items()}


@contextmanager
def counted(seconds, part):
    started = time.process_time()
    yield
    seconds[part] += time.process_time() - started


if __name__ == "__main__":
    main()
