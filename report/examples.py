"""Figure 5: what networks with and without large kernels and the fusion head predict in the same images."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from litepose.core.skeletons import Skeleton
from litepose.datasets import annotations, manifest
from litepose.drawing import draw_heatmap, draw_people
from report import style
from report.evidence import first_split
from report.pictured import choose, count_people
from report.runs import dataset

_SHORT_SIDE = 240  # px, to which small images are enlarged so that limbs are thin in them
_DOTS_PER_INCH = 140


class Prediction(NamedTuple):
    """What a network predicts in an image: heatmap uint8 [h, w] (255: 1), people [P, J, 3] in its pixels."""

    heatmap: np.ndarray
    people: np.ndarray


class Example(NamedTuple):
    """An image, uint8 RGB [h, w, 3], the annotated people [P, J, 3], and each network's predictions."""

    image: np.ndarray
    truth: np.ndarray
    predictions: dict[str, Prediction]


def read(path: Path) -> list[Example]:
    """Read the examples: arrays ``<number>/{image,truth}`` and ``<number>/<network>/{heatmap,people}``.

    An empty list where the file is missing.
    """
    if not path.is_file():
        return []
    with np.load(path) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    examples: list[Example] = []
    while f"{len(examples)}/image" in found:
        number = len(examples)
        names = [name.split("/")[1] for name in found if name.startswith(f"{number}/") and "heatmap" in name]
        predictions = {
            name: Prediction(*(found[f"{number}/{name}/{kind}"] for kind in ("heatmap", "people")))
            for name in names
        }
        examples.append(Example(found[f"{number}/image"], found[f"{number}/truth"], predictions))
    return examples


def write(directory: Path, data: Path) -> None:
    """Draw Figure 5 as `figure5.png` and `.svg`; photographs need fewer dots than lines do.

    Args:
        directory: of the figure.
        data: directory that holds ``examples.npz`` and ``crowdpose/dataset.json``.
    """
    examples = read(data / "examples.npz")
    with style.settings():
        if examples:
            figure = figure5(examples, manifest.read_skeleton(data / "crowdpose" / "dataset.json"))
        else:
            figure = missing()
        style.save(figure, directory / "figure5", dots_per_inch=_DOTS_PER_INCH)


def found_people(data: Path, run: str, count: int) -> list[np.ndarray]:
    """The first test images of several people, uint8 RGB, with those that a network found in them.

    As many people as are annotated, best score first; an empty list where there are no predictions.

    Args:
        data: directory that holds the data sets and ``predictions/<stage>/<run>/<seed>.json``.
        run: ``<stage>/<run>``.
        count: of images.
    """
    files = sorted((data / "predictions" / run).glob("*.json"))
    if not files:
        return []
    file = data / dataset(run) / "dataset.json"
    split, detections = first_split(files[0])
    skeleton = manifest.read_skeleton(file)
    images = choose(annotations.load(*manifest.read(file)[split], skeleton).images, count)
    pictures = []
    for record in images:
        found = [one for one in detections if one["image_id"] == record.id]
        best = sorted(found, key=lambda one: -one["score"])[: max(count_people(record), 1)]
        people = [np.array(one["keypoints"], np.float32).reshape(-1, 3) for one in best]
        pictures.append(_skeletons(record.read(), people, skeleton))
    return pictures


def missing() -> Figure:
    """What stands for the figure where there are no examples."""
    figure = style.new_figure(7.0, 1.2)
    axes = figure.add_subplot()
    axes.text(0.5, 0.5, "not run: data/examples.npz is missing", ha="center", va="center")
    axes.set_axis_off()
    return figure


def figure5(examples: list[Example], skeleton: Skeleton) -> Figure:
    """Two rows per image: the image and heatmaps, then the annotated and the found people."""
    names = list(examples[0].predictions)
    shapes = [example.image.shape[0] / example.image.shape[1] for example in examples]
    ratios = [shape for shape in shapes for _ in range(2)]
    column = 7.0 / (len(names) + 1)
    figure = style.new_figure(7.0, column * sum(ratios) + 0.3)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.01)
    panels = figure.subplots(len(ratios), len(names) + 1, squeeze=False, height_ratios=ratios)
    for number, example in enumerate(examples):
        upper, lower = panels[2 * number], panels[2 * number + 1]
        _show(upper[0], example.image)
        _show(lower[0], _skeletons(example.image, list(example.truth), skeleton))
        for above, below, found in zip(upper[1:], lower[1:], example.predictions.values(), strict=True):
            _show(above, draw_heatmap(example.image, found.heatmap / 255))
            _show(below, _skeletons(example.image, list(found.people), skeleton))
    for axes, title in zip(panels[0], ("annotated", *names), strict=True):
        axes.set_title(title, fontsize=8)
    return figure


def _skeletons(image: np.ndarray, people: list[np.ndarray], skeleton: Skeleton) -> np.ndarray:
    scale = max(1.0, _SHORT_SIDE / min(image.shape[:2]))
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return draw_people(large, [person * [scale, scale, 1] for person in people], skeleton)


def _show(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(image, aspect="equal")
    axes.set_axis_off()
