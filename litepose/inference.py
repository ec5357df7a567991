"""From images to people: resizing as in the released test code, flip test, scales, threaded decoding."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn
from tqdm import tqdm

from litepose.datasets.annotations import Annotations
from litepose.datasets.keypoints import normalise
from litepose.errors import InputError
from litepose.grouping import group
from litepose.skeletons import Skeleton

COARSEST, FINEST = 64, 16  # px; both sides of the network's input are multiples of the first if they can be
DECODE_IMAGES = 4  # up-sampled and grouped at once: their maps are the largest tensors
WAITING_BATCHES = 2  # read ahead of the network, or waiting to be decoded
MAX_ASPECT = 4  # the input's long side is at most this multiple of the short one, unless the caller says more


@dataclass(frozen=True)
class Resizing:
    """How an image becomes the network's input, and points come back.

    Attributes:
        width, height: of the input in pixels.
        scale: input pixels per image pixel.
        shift: of the image's content in the input, in input pixels (x, y).
    """

    width: int
    height: int
    scale: float
    shift: tuple[float, float]

    @classmethod
    def fit(
        cls, width: int, height: int, input_size: int, max_side: int | None = None, factor: float = 1.0
    ) -> "Resizing":
        """The short side becomes ``input_size``; the long one is padded to a multiple of 64, centred.

        A size that is no multiple of 64 is not rounded up to one, as the released code does: networks of few
        pixels would be tested at another scale than they were trained for. Both sides are then multiples of
        the largest power of two that divides the size, at least of 16, which the networks need.

        Args:
            width, height: of the image in pixels.
            input_size: of the network in pixels; rounded up to a multiple of 16.
            max_side: bound of the long side, by default four times the short one: beyond it the image
                shrinks, so that extreme aspect ratios do not exhaust the memory.
            factor: multiple of the input size to look at, see ``predict``'s scales.
        """
        multiple = max(math.gcd(COARSEST, input_size), FINEST)
        short = _round_up(factor * input_size, multiple)
        limit = max(short, (max_side or MAX_ASPECT * short) // multiple * multiple)
        scale = min(short / min(width, height), limit / max(width, height))
        long = min(_round_up(short / min(width, height) * max(width, height), multiple), limit)
        new_width, new_height = (short, long) if width < height else (long, short)
        # The released code centres on whole image pixels, rounded half up.
        centre = (int(width / 2 + 0.5), int(height / 2 + 0.5))
        return cls(
            new_width,
            new_height,
            scale,
            (new_width / 2 - scale * centre[0], new_height / 2 - scale * centre[1]),
        )

    def times(self, factor: float) -> "Resizing":
        """The same view of the image as a larger or smaller input; the sides must come out whole."""
        return Resizing(
            round(self.width * factor),
            round(self.height * factor),
            self.scale * factor,
            (self.shift[0] * factor, self.shift[1] * factor),
        )

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image [h, w, 3] as network input [height, width, 3], black where there is no image."""
        matrix = np.array([[self.scale, 0, self.shift[0]], [0, self.scale, self.shift[1]]])
        return cv2.warpAffine(image, matrix, (self.width, self.height))

    def to_image(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points [..., 2] on a map of the given size (covering the whole input) in image pixels."""
        ratio = np.array([self.width / width, self.height / height])
        return (points * ratio - np.array(self.shift)) / self.scale


def _round_up(size: float, multiple: int) -> int:
    return int(size + multiple - 1) // multiple * multiple


def forward_test(
    model: nn.Module, images: torch.Tensor, skeleton: Skeleton, flip: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps and tags at the input's size.

    The heatmaps of both outputs are averaged at stride 2, those of the mirrored image too; its tags are kept
    as a second component. All resizing is bilinear, not corner-aligned, in the released code's order.

    Args:
        model: a network with outputs [B, 2J, H/4, W/4] (heatmaps, then tags) and [B, J, H/2, W/2].
        images: float32 [B, 3, H, W], normalised.
        skeleton: gives J and the mirrored joints.
        flip: whether to look at the mirrored image as well.

    Returns:
        Heatmaps [B, J, H, W] and tags [B, J, H, W, T]; T is 2 with flip, else 1.
    """
    heatmaps, tags = _forward(model, images, skeleton, flip)
    return _upsampled([heatmaps], tags, images.shape[2:])


def _forward(
    model: nn.Module, images: torch.Tensor, skeleton: Skeleton, flip: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps [B, J, H/2, W/2] and tags [B, T, J, H/2, W/2]."""
    heatmaps, tags = _stride2(model(images), skeleton.num_joints)
    if not flip:
        return heatmaps, tags[:, None]
    back = list(skeleton.flip)
    other_heatmaps, other_tags = (
        maps.flip(3)[:, back] for maps in _stride2(model(images.flip(3)), skeleton.num_joints)
    )
    return (heatmaps + other_heatmaps) / 2, torch.stack([tags, other_tags], 1)


def _stride2(outputs: Sequence[torch.Tensor], num_joints: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Averaged heatmaps and tags at the size of the second output, float32 [B, J, H/2, W/2] each."""
    coarse, fine = outputs[0].float(), outputs[1].float()
    coarse = _resized(coarse, fine.shape[2:])
    return (coarse[:, :num_joints] + fine) / 2, coarse[:, num_joints:]


def _upsampled(
    heatmaps: Sequence[torch.Tensor], tags: torch.Tensor, size: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps [B, J, H, W], averaged over scales, and tags [B, J, H, W, T] from those of ``_forward``."""
    large = _resized(tags.flatten(1, 2), size).unflatten(1, tags.shape[1:3])
    average = _resized(heatmaps[0], size)
    for other in heatmaps[1:]:
        average = average + _resized(other, size)
    return average / len(heatmaps), large.movedim(1, -1)


def _resized(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    return functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class _View:
    """An image to look at: its id, how it is resized, how the network's inputs are had.

    Attributes:
        image_id: of the image.
        resizing: to the input of scale 1, on whose maps people are found.
        inputs: gives the input of each scale, uint8 [height, width, 3].
    """

    image_id: int
    resizing: Resizing
    inputs: Callable[[], list[np.ndarray]]


@dataclass(frozen=True)
class Prepared:
    """Images as network inputs in memory, which :func:`predict` takes for any number of networks.

    Attributes:
        views: of the images, in their order.
        base: position of scale 1 among the scales.
    """

    views: list[_View]
    base: int


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
    return Prepared(views, plan.base)


@torch.no_grad()
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

    Images of equal resized shape form a batch. The model is set to eval mode and left so.

    Args:
        model: an associative-embedding network, on ``device``.
        images: uint8 RGB arrays [h, w, 3], whose image ids are their numbers, or annotated images; or what
            :func:`prepare` made of them, where size, scales and bound are decided already.
        skeleton: of the model's output.
        input_size: length of the image's short side for the network, in pixels.
        flip: flip test.
        scales: multiples of the input size whose heatmaps are averaged; tags are those of scale 1. Each is a
            multiple of the smallest, as in HigherHRNet's multi-scale test: 0.5, 1, 2.
        batch_size: images per forward pass; bounds the memory together with ``max_side``.
        device: where the network runs.
        max_side: bound of the input's long side at the largest scale, see ``Resizing.fit``.
        progress: show a progress bar.

    Returns:
        COCO results in the images' order: image_id, category_id 1, keypoints (x, y in image pixels, score per
        joint), score. An image may have none.

    Raises:
        InputError: an image cannot be read, or the scales do not fit together.
    """
    model.eval()
    plan = images if isinstance(images, Prepared) else _plan(images, input_size, max_side, scales)
    detections: list[list[dict]] = [[] for _ in plan.views]
    batches = _batches(plan.views, batch_size)
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
                _forward(model, _to_network(scale, device), skeleton, flip)
                for scale in zip(*inputs, strict=True)
            ]
            heatmaps, tags = [scale[0] for scale in maps], maps[plan.base][1]
            if len(waiting) == WAITING_BATCHES:
                waiting.popleft().result()
            waiting.append(decoder.submit(_decode, heatmaps, tags, plan.views, batch, detections))
        for decoded in waiting:
            decoded.result()
    return [detection for image in detections for detection in image]


def _to_network(pixels: Sequence[np.ndarray], device: torch.device | str) -> torch.Tensor:
    """Images [h, w, 3] of one size as normalised input [B, 3, h, w]."""
    return normalise(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).to(device))


def _plan(
    images: Sequence[np.ndarray] | Annotations,
    input_size: int,
    max_side: int | None,
    scales: Sequence[float],
) -> Prepared:
    """Images to be read when the network needs them."""
    smallest = min(scales, default=0)
    multiples = np.array(scales) / smallest if smallest > 0 else np.zeros(1)
    if 1 not in scales or not np.allclose(multiples, np.maximum(np.rint(multiples), 1)):
        raise InputError(
            f"scales {list(scales)}: 1 must be among them and each a multiple of the smallest; "
            "give for example 0.5, 1, 2."
        )
    if max_side is not None:
        max_side = int(max_side * smallest / max(scales))

    def view(image_id: int, width: int, height: int, read: Callable[[], np.ndarray]) -> _View:
        # All scales are multiples of the smallest one's input, so that their maps lie over each other.
        least = Resizing.fit(width, height, input_size, max_side, smallest)
        sizes = [least.times(scale / smallest) for scale in scales]
        return _View(image_id, least.times(1 / smallest), partial(_inputs, read, sizes))

    if isinstance(images, Annotations):
        views = [view(image.id, image.width, image.height, image.read) for image in images]
    else:
        views = [
            view(number, *image.shape[1::-1], partial(np.asarray, image))
            for number, image in enumerate(images)
        ]
    return Prepared(views, list(scales).index(1))


def _inputs(read: Callable[[], np.ndarray], sizes: list[Resizing]) -> list[np.ndarray]:
    image = read()
    return [resizing.apply(image) for resizing in sizes]


def _batches(views: list[_View], batch_size: int) -> list[list[int]]:
    """Numbers of images of equal input shape, largest first: if memory lacks, it shows at once."""

    def shape(number: int) -> tuple[int, int]:
        resizing = views[number].resizing
        return -resizing.width * resizing.height, resizing.width

    batches = []
    for _, members in groupby(sorted(range(len(views)), key=shape), shape):
        same = list(members)
        batches += [same[first : first + batch_size] for first in range(0, len(same), batch_size)]
    return batches


def _limit_to_one_thread(executor: ThreadPoolExecutor) -> None:
    """PyTorch keeps the number of threads per calling thread: the network's own must stay as they are."""
    threads = torch.get_num_threads()
    executor.submit(torch.set_num_threads, 1).result()
    torch.set_num_threads(threads)


def _read(readers: ThreadPoolExecutor, views: list[_View], batch: list[int]) -> list[Future]:
    return [readers.submit(views[number].inputs) for number in batch]


@torch.no_grad()
def _decode(
    heatmaps: list[torch.Tensor],
    tags: torch.Tensor,
    views: list[_View],
    batch: list[int],
    detections: list[list[dict]],
) -> None:
    """Write the people of a batch's images to their places in ``detections``."""
    first = views[batch[0]].resizing
    size = (first.height, first.width)
    for part in range(0, len(batch), DECODE_IMAGES):
        some = slice(part, part + DECODE_IMAGES)
        groups = group(*_upsampled([scale[some] for scale in heatmaps], tags[some], size))
        for number, (people, scores) in zip(batch[some], groups, strict=True):
            view = views[number]
            people[..., :2] = view.resizing.to_image(people[..., :2], first.width, first.height)
            detections[number] = [
                {"image_id": view.image_id, "category_id": 1, "keypoints": keypoints, "score": score}
                for keypoints, score in zip(
                    people[..., :3].reshape(len(people), 3 * people.shape[1]).tolist(),
                    scores.tolist(),
                    strict=True,
                )
            ]
