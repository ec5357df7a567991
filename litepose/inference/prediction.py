"""From images to people: batches of equal shape, read and decoded in threads beside the network."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.datasets.keypoints import normalise
from litepose.inference.blocks import Tags
from litepose.inference.grouping import group
from litepose.inference.maps import forward, upsampled
from litepose.inference.resizing import Resizing
from litepose.inference.windows import Window, merged, windows

DECODE_IMAGES = 4  # up-sampled and grouped at once: their maps are the largest tensors
CPU_PIXELS = 1 << 17  # of a CPU's forward pass: with more, activations leave its cache and it slows down
WAITING_BATCHES = 2  # read ahead of the network, or waiting to be decoded


@dataclass(frozen=True)
class View:
    """An image, or a window of it, to look at: how it is resized, and how the network's inputs are had.

    Attributes:
        image_id: of the image.
        window: that is looked at, usually the whole image.
        resizing: to the input of scale 1, on whose maps people are found.
        inputs: gives the input of each scale, uint8 [height, width, 3].
    """

    image_id: int
    window: Window
    resizing: Resizing
    inputs: Callable[[], list[np.ndarray]]


class Maps(NamedTuple):
    """What a network predicts of a batch, before the decoder looks at it.

    Attributes:
        heatmaps: of each scale, [B, J, h, w].
        tags: T components [B, J, h, w].
    """

    heatmaps: Sequence[torch.Tensor]
    tags: Sequence[torch.Tensor]


Change = Callable[[Maps, Sequence[View]], Maps]  # of the maps of the images that are looked at


def unchanged(maps: Maps, _views: Sequence[View]) -> Maps:
    """The maps as they were predicted."""
    return maps


@dataclass(frozen=True)
class Prepared:
    """Images as network inputs in memory, which :func:`predict` takes for any number of networks.

    Attributes:
        views: of the images, in their order; several of an image that is looked at in windows.
        scales: that are looked at; people are found on the maps of scale 1.
    """

    views: list[View]
    scales: tuple[float, ...]


def prepare(
    images: Sequence[np.ndarray] | Annotations,
    input_size: int,
    max_side: int | None = None,
    scales: Sequence[float] = (1.0,),
) -> Prepared:
    """Read, decode and resize images once, to be predicted by several networks.

    Args, Raises: as :func:`predict`. A square input of 512 px takes 0.8 MB.
    """
    plan = _plan(images, input_size, max_side, scales)
    with ThreadPoolExecutor(2) as readers:
        inputs = readers.map(lambda view: view.inputs(), plan.views)
        views = [
            replace(view, inputs=partial(list, pixels))
            for view, pixels in zip(plan.views, inputs, strict=True)
        ]
    return Prepared(views, plan.scales)


def predict(
    model: nn.Module,
    images: Sequence[np.ndarray] | Annotations | Prepared,
    skeleton: Skeleton,
    input_size: int | None = None,
    *,
    flip: bool = True,
    scales: Sequence[float] = (1.0,),
    batch_size: int = 16,
    device: torch.device | str = "cpu",
    max_side: int | None = None,
    progress: bool = False,
) -> list[dict]:
    """Detect people in images; reading and decoding run in threads beside the network.

    Images of equal resized shape form a batch; those wider than 4:1 are looked at in overlapping windows. The
    model is set to eval mode and left so.

    Args:
        model: an associative-embedding network, on ``device``.
        images: uint8 RGB arrays [h, w, 3], whose image ids are their numbers, or annotated images; or what
            :func:`prepare` made of them, where size, scales and bound are decided already.
        skeleton: of the model's output.
        input_size: length of the image's short side for the network, in pixels.
        flip: flip test.
        scales: multiples of the input size whose heatmaps are averaged; tags are those of scale 1. Each is a
            multiple of the smallest, as in HigherHRNet's multi-scale test: 0.5, 1, 2.
        batch_size: images per forward pass; bounds the memory together with ``max_side``. A CPU takes fewer
            of large ones, which is faster there.
        device: where the network runs.
        max_side: bound of the input's long side at the largest scale, see ``Resizing.fit``.
        progress: show a progress bar.

    Returns:
        COCO results in the images' order: image_id, category_id 1, keypoints (x, y in image pixels, score per
        joint), score. An image may have none.

    Raises:
        InputError: an image cannot be read, or the scales do not fit together.
    """
    (found,) = predict_changed(
        model,
        images,
        skeleton,
        input_size,
        [unchanged],
        flip=flip,
        scales=scales,
        batch_size=batch_size,
        device=device,
        max_side=max_side,
        progress=progress,
    )
    return found


@torch.no_grad()
def predict_changed(
    model: nn.Module,
    images: Sequence[np.ndarray] | Annotations | Prepared,
    skeleton: Skeleton,
    input_size: int | None,
    changes: Sequence[Change],
    *,
    flip: bool = True,
    scales: Sequence[float] = (1.0,),
    batch_size: int = 16,
    device: torch.device | str = "cpu",
    max_side: int | None = None,
    progress: bool = False,
) -> list[list[dict]]:
    """What is found in a network's maps after each of several changes of them; the network runs once.

    Args:
        changes: must leave the maps that they get as they are, for the others get them too.
        rest: as of :func:`predict`.

    Returns:
        What :func:`predict` returns, per change.
    """
    model.eval()
    plan = images if isinstance(images, Prepared) else _plan(images, input_size, max_side, scales)
    detections: list[list[list[dict]]] = [[[] for _ in plan.views] for _ in changes]
    most_pixels = CPU_PIXELS / max(plan.scales) ** 2 if torch.device(device).type == "cpu" else None
    batches = _batches(plan.views, batch_size, most_pixels)
    with ThreadPoolExecutor(2) as readers, ThreadPoolExecutor(1) as decoder:
        _limit_to_one_thread(decoder)
        coming = deque(_read(readers, plan.views, batch) for batch in batches[:WAITING_BATCHES])
        waiting: deque[Future] = deque()
        for number, batch in enumerate(tqdm(batches, disable=not progress, unit="batch")):
            inputs = [image.result() for image in coming.popleft()]
            coming.extend(
                _read(readers, plan.views, later) for later in batches[number + WAITING_BATCHES :][:1]
            )
            maps = [
                forward(model, _to_network(scale, device), skeleton, flip)
                for scale in zip(*inputs, strict=True)
            ]
            predicted = Maps([scale[0] for scale in maps], maps[plan.scales.index(1)][1])
            if len(waiting) == WAITING_BATCHES:
                waiting.popleft().result()
            waiting.append(decoder.submit(_decode_changed, predicted, plan.views, batch, changes, detections))
        for decoded in waiting:
            decoded.result()
    return [_by_image(plan.views, found) for found in detections]


def _by_image(views: list[View], found: list[list[dict]]) -> list[dict]:
    """The people of all images in order, of what was found in their views."""
    images = groupby(zip(views, found, strict=True), lambda pair: pair[0].image_id)
    return [person for _, pairs in images for person in merged([people for _, people in pairs])]


@torch.no_grad()
def find(
    model: nn.Module,
    image: np.ndarray,
    skeleton: Skeleton,
    input_size: int,
    *,
    flip: bool = True,
    device: torch.device | str = "cpu",
) -> list[dict]:
    """Detect people in one image as :func:`predict` does, in the calling thread alone.

    Args, Returns: as there, where the image is number 0.
    """
    model.eval()
    plan = _plan([image], input_size, None, (1.0,))
    detections: list[list[dict]] = [[] for _ in plan.views]
    for number, view in enumerate(plan.views):
        heatmaps, tags = forward(model, _to_network(view.inputs(), device), skeleton, flip)
        _decode(Maps([heatmaps], tags), plan.views, [number], detections)
    return _by_image(plan.views, detections)


def _to_network(pixels: Sequence[np.ndarray], device: torch.device | str) -> torch.Tensor:
    """Images [h, w, 3] of one size as normalised input [B, 3, h, w]."""
    return normalise(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).to(device))


def _plan(
    images: Sequence[np.ndarray] | Annotations,
    input_size: int | None,
    max_side: int | None,
    scales: Sequence[float],
) -> Prepared:
    """Images to be read when the network needs them."""
    if input_size is None:
        raise InputError("input_size is missing: give the length of the image's short side for the network.")
    smallest = min(scales, default=0)
    multiples = np.array(scales) / smallest if smallest > 0 else np.zeros(1)
    if 1 not in scales or not np.allclose(multiples, np.maximum(np.rint(multiples), 1)):
        raise InputError(
            f"scales {list(scales)}: 1 must be among them and each a multiple of the smallest; "
            "give for example 0.5, 1, 2."
        )
    if max_side is not None:
        max_side = int(max_side * smallest / max(scales))

    def look(image_id: int, width: int, height: int, read: Callable[[], np.ndarray]) -> Iterator[View]:
        for window in windows(width, height):
            # All scales are multiples of the smallest one's input, so that their maps lie over each other.
            least = Resizing.fit(window.right - window.left, height, input_size, max_side, smallest)
            sizes = [least.times(scale / smallest) for scale in scales]
            yield View(image_id, window, least.times(1 / smallest), partial(_inputs, read, window, sizes))

    if isinstance(images, Annotations):
        views = [look(image.id, image.width, image.height, image.read) for image in images]
    else:
        views = [
            look(number, image.shape[1], image.shape[0], partial(np.asarray, image))
            for number, image in enumerate(images)
        ]
    return Prepared(list(chain.from_iterable(views)), tuple(scales))


def _inputs(read: Callable[[], np.ndarray], window: Window, sizes: list[Resizing]) -> list[np.ndarray]:
    part = read()[:, window.left : window.right]
    return [resizing.apply(part) for resizing in sizes]


def _batches(views: list[View], batch_size: int, most_pixels: float | None) -> list[list[int]]:
    """Numbers of images of equal input shape, largest first: if memory lacks, it shows at once.

    Args:
        views: of the images.
        batch_size: images per batch at most.
        most_pixels: of a batch, unless a single image has more; None: as many as there are.
    """

    def shape(number: int) -> tuple[int, int]:
        resizing = views[number].resizing
        return -resizing.width * resizing.height, resizing.width

    batches = []
    for (pixels, _), members in groupby(sorted(range(len(views)), key=shape), shape):
        same = list(members)
        size = min(batch_size, max(1, int(most_pixels // -pixels))) if most_pixels else batch_size
        batches += [same[first : first + size] for first in range(0, len(same), size)]
    return batches


def _limit_to_one_thread(executor: ThreadPoolExecutor) -> None:
    """PyTorch keeps the number of threads per calling thread: the network's own must stay as they are."""
    threads = torch.get_num_threads()
    executor.submit(torch.set_num_threads, 1).result()
    torch.set_num_threads(threads)


def _read(readers: ThreadPoolExecutor, views: list[View], batch: list[int]) -> list[Future]:
    return [readers.submit(views[number].inputs) for number in batch]


@torch.no_grad()
def _decode_changed(
    predicted: Maps,
    views: list[View],
    batch: list[int],
    changes: Sequence[Change],
    detections: list[list[list[dict]]],
) -> None:
    """Decode a batch once per change."""
    some = [views[number] for number in batch]
    for change, found in zip(changes, detections, strict=True):
        _decode(change(predicted, some), views, batch, found)


def _decode(
    maps: Maps,
    views: list[View],
    batch: list[int],
    detections: list[list[dict]],
) -> None:
    """Write the people of a batch's images to their places in ``detections``."""
    first = views[batch[0]].resizing
    size = (first.height, first.width)
    for part in range(0, len(batch), DECODE_IMAGES):
        some = slice(part, part + DECODE_IMAGES)
        large = upsampled([scale[some] for scale in maps.heatmaps], size)
        for heatmap, number in zip(large, batch[some], strict=True):
            if views[number].resizing.bounded:
                _clear_outside(heatmap, views[number].resizing)
        groups = group(large, Tags.of([component[some] for component in maps.tags], size))
        for number, (people, scores) in zip(batch[some], groups, strict=True):
            detections[number] = _detections(people, scores, views[number])


def _detections(people: np.ndarray, scores: np.ndarray, view: View) -> list[dict]:
    """People [P, J, 3 + T] on the maps of a view, and their scores, as COCO results in image pixels."""
    resizing, window = view.resizing, view.window
    joints = people[..., :3]
    joints[..., :2] = resizing.to_image(joints[..., :2], resizing.width, resizing.height)
    joints[..., 0] += window.left
    return [
        {"image_id": view.image_id, "category_id": 1, "keypoints": person.ravel().tolist(), "score": score}
        for person, score in zip(joints, scores.tolist(), strict=True)
        if window.owns(person)
    ]


def _clear_outside(heatmap: torch.Tensor, resizing: Resizing) -> None:
    """Have no joint found where there is no image, in place; the heatmap [J, H, W] covers the input.

    Where the released rule holds, what the released code finds in the narrow border counts, as it does there.
    """
    rows, columns = resizing.content()
    inside = heatmap[:, rows, columns].clone()
    heatmap.fill_(-torch.inf)
    heatmap[:, rows, columns] = inside
