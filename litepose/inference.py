"""From images to people: resizing as in the released test code, flip test, decoding beside the network."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
from litepose.grouping import group
from litepose.skeletons import Skeleton

MULTIPLE = 64  # both sides of the network's input
DECODE_IMAGES = 4  # up-sampled and grouped at once: their maps are the largest tensors
WAITING_BATCHES = 2  # read ahead of the network, or waiting to be decoded
MAX_ASPECT = 4  # the input's long side is at most this multiple of the short one, unless the caller says more


@dataclass(frozen=True)
class Resizing:
    """How an image becomes the network's input, and points come back.

    Attributes:
        width, height: of the input in pixels, multiples of 64.
        scale: input pixels per image pixel.
        shift: of the image's content in the input, in input pixels (x, y).
    """

    width: int
    height: int
    scale: float
    shift: tuple[float, float]

    @classmethod
    def fit(cls, width: int, height: int, input_size: int, max_side: int | None = None) -> "Resizing":
        """The short side becomes ``input_size``; the long one is padded to a multiple of 64, centred.

        Args:
            width, height: of the image in pixels.
            input_size: of the network in pixels; rounded up to a multiple of 64.
            max_side: bound of the long side, by default four times the short one: beyond it the image
                shrinks, so that extreme aspect ratios do not exhaust the memory.
        """
        short = _round_up(input_size)
        limit = max(short, (max_side or MAX_ASPECT * short) // MULTIPLE * MULTIPLE)
        scale = min(short / min(width, height), limit / max(width, height))
        long = min(_round_up(short / min(width, height) * max(width, height)), limit)
        new_width, new_height = (short, long) if width < height else (long, short)
        # The released code centres on whole image pixels, rounded half up.
        centre = (int(width / 2 + 0.5), int(height / 2 + 0.5))
        return cls(
            new_width,
            new_height,
            scale,
            (new_width / 2 - scale * centre[0], new_height / 2 - scale * centre[1]),
        )

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image [h, w, 3] as network input [height, width, 3], black where there is no image."""
        matrix = np.array([[self.scale, 0, self.shift[0]], [0, self.scale, self.shift[1]]])
        return cv2.warpAffine(image, matrix, (self.width, self.height))

    def to_image(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points [..., 2] on a map of the given size (covering the whole input) in image pixels."""
        ratio = np.array([self.width / width, self.height / height])
        return (points * ratio - np.array(self.shift)) / self.scale


def _round_up(size: float) -> int:
    return int(size + MULTIPLE - 1) // MULTIPLE * MULTIPLE


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
    return _upsampled(*_forward(model, images, skeleton, flip), images.shape[2:])


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
    heatmaps: torch.Tensor, tags: torch.Tensor, size: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps [B, J, H, W] and tags [B, J, H, W, T] from those of ``_forward``."""
    large = _resized(tags.flatten(1, 2), size).unflatten(1, tags.shape[1:3])
    return _resized(heatmaps, size), large.movedim(1, -1)


def _resized(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    return functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


@torch.no_grad()
def predict(
    model: nn.Module,
    images: Sequence[np.ndarray] | Annotations,
    skeleton: Skeleton,
    input_size: int,
    *,
    flip: bool = True,
    batch_size: int = 16,
    device: torch.device | str = "cpu",
    max_side: int | None = None,
    progress: bool = False,
) -> list[dict]:
    """Detect people in images; reading and decoding run in threads beside the network.

    Images of equal resized shape form a batch. The model is set to eval mode and left so.

    Args:
        model: an associative-embedding network, on ``device``.
        images: uint8 RGB arrays [h, w, 3], whose image ids are their numbers, or annotated images.
        skeleton: of the model's output.
        input_size: length of the image's short side for the network, in pixels.
        flip: flip test.
        batch_size: images per forward pass; bounds the memory together with ``max_side``.
        device: where the network runs.
        max_side: bound of the input's long side, see ``Resizing.fit``.
        progress: show a progress bar.

    Returns:
        COCO results in the images' order: image_id, category_id 1, keypoints (x, y in image pixels, score per
        joint), score. An image may have none.

    Raises:
        InputError: an image cannot be read.
    """
    model.eval()
    views = _views(images, input_size, max_side)
    detections: list[list[dict]] = [[] for _ in views]
    batches = _batches(views, batch_size)
    with ThreadPoolExecutor(2) as readers, ThreadPoolExecutor(1) as decoder:
        _limit_to_one_thread(decoder)
        coming = deque(_read(readers, views, batch) for batch in batches[:WAITING_BATCHES])
        waiting: deque[Future] = deque()
        for number, batch in enumerate(tqdm(batches, disable=not progress, unit="batch")):
            pixels = np.stack([image.result() for image in coming.popleft()])
            coming.extend(_read(readers, views, later) for later in batches[number + WAITING_BATCHES :][:1])
            inputs = normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device))
            maps = _forward(model, inputs, skeleton, flip)
            if len(waiting) == WAITING_BATCHES:
                waiting.popleft().result()
            waiting.append(decoder.submit(_decode, maps, views, batch, detections))
        for decoded in waiting:
            decoded.result()
    return [detection for image in detections for detection in image]


@dataclass(frozen=True)
class _View:
    """An image to look at: its id, how it is resized, how its pixels are had."""

    image_id: int
    resizing: Resizing
    read: Callable[[], np.ndarray]


def _views(images: Sequence[np.ndarray] | Annotations, input_size: int, max_side: int | None) -> list[_View]:
    if isinstance(images, Annotations):
        return [
            _View(image.id, Resizing.fit(image.width, image.height, input_size, max_side), image.read)
            for image in images
        ]
    return [
        _View(number, Resizing.fit(*image.shape[1::-1], input_size, max_side), partial(np.asarray, image))
        for number, image in enumerate(images)
    ]


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
    return [readers.submit(lambda view: view.resizing.apply(view.read()), views[number]) for number in batch]


@torch.no_grad()
def _decode(
    maps: tuple[torch.Tensor, torch.Tensor],
    views: list[_View],
    batch: list[int],
    detections: list[list[dict]],
) -> None:
    """Write the people of a batch's images to their places in ``detections``."""
    first = views[batch[0]].resizing
    size = (first.height, first.width)
    for part in range(0, len(batch), DECODE_IMAGES):
        some = slice(part, part + DECODE_IMAGES)
        groups = group(*_upsampled(maps[0][some], maps[1][some], size))
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
