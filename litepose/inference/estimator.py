"""From a file of weights to people in images: what ``litepose.load`` gives."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from torch import nn

from litepose import export, models
from litepose.core.errors import InputError
from litepose.core.layout import channels_last
from litepose.core.skeletons import COCO, CROWDPOSE, Skeleton
from litepose.datasets.images import read_image
from litepose.drawing import draw_people
from litepose.inference.prediction import find, predict
from litepose.inference.sources import Read, Source, expand
from litepose.inference.streaming import computing_with, in_order
from litepose.models import tensor_file, weights
from litepose.models.lightweight_openpose import LightweightOpenPose
from litepose.models.official import released_joints
from litepose.models.personlab import PersonLab
from litepose.models.weights import Trained
from litepose.runtimes import registry

Image = np.ndarray | str | Path  # uint8 RGB [h, w, 3], or a file

RUNTIMES = ("pytorch", *registry.NETWORKS)
IMAGES_AT_ONCE = 16  # in memory at a time, on a GPU
OFFICIAL_SKELETONS = {skeleton.num_joints: skeleton for skeleton in (CROWDPOSE, COCO)}


@dataclass(frozen=True)
class People:
    """The people of one image, in no order.

    Attributes:
        keypoints: float32 [P, J, 3]: x and y in image pixels, and a score, of each person's joints.
        scores: float32 [P].
    """

    keypoints: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score: float) -> "People":
        """Those of at least a score."""
        sure = self.scores >= score
        return People(self.keypoints[sure], self.scores[sure])


@dataclass(frozen=True)
class Frame:
    """An image of a stream, and its people.

    Attributes:
        image: uint8 RGB [h, w, 3], upright.
        people: that were found there.
        source: the photograph, video or camera that it is of.
        number: of the frame in a video, from 0; None for a photograph.
    """

    image: np.ndarray
    people: People
    source: Source
    number: int | None


class Estimator:
    """Finds people in images; several threads may call it at the same time.

    Args:
        model: a network that associates joints by tags; set to eval mode, and moved to PyTorch's device.
        skeleton: the joints that it finds.
        input_size: px of the image's short side.
        device: where it runs.
        runtime: that runs the network, one of ``RUNTIMES``.
        threads: that a CPU computes with; by default those of PyTorch.

    Raises:
        InputError: people cannot be grouped from what the network predicts, or the runtime is not installed.
    """

    def __init__(
        self,
        model: nn.Module,
        skeleton: Skeleton,
        input_size: int,
        device: torch.device | str = "cpu",
        runtime: str = "pytorch",
        threads: int | None = None,
    ) -> None:
        if isinstance(model, LightweightOpenPose | PersonLab):
            raise InputError(
                f"{type(model).__name__} predicts no tags, by which people are grouped here: use a network "
                "of another family"
            )
        self.skeleton, self.input_size, self.device = skeleton, input_size, torch.device(device)
        self.threads = threads
        # Other runtimes take and give arrays in the CPU's memory.
        self._place = self.device if runtime == "pytorch" else torch.device("cpu")
        self.model = channels_last(model.eval().to(self._place))
        self.network = self.model
        if runtime != "pytorch":
            with computing_with(threads):
                self.network = registry.network(runtime, self.model, host_or_cuda(self.device))

    # A string, too, is a sequence of strings.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, images: Image, *, flip: bool = True
    ) -> People: ...

    @overload
    def __call__(self, images: Sequence[Image], *, flip: bool = True) -> list[People]: ...

    def __call__(self, images: Image | Sequence[Image], *, flip: bool = True) -> People | list[People]:
        """Find people.

        Args:
            images: one image or several: uint8 RGB arrays [h, w, 3], or files, which are turned upright.
            flip: look at the mirrored image as well: slower, and about 1 AP better.

        Returns:
            The people of the one image, or of each.

        Raises:
            InputError: an image cannot be read, or is not an image.
        """
        if isinstance(images, str | Path | np.ndarray):
            return self._find([images], flip)[0]
        return self._find(list(images), flip)

    def export(
        self,
        path: str | Path,
        format: str = "onnx",
        *,
        size: tuple[int, int] | None = None,
        dynamic: bool = False,
        target: str = "host",
        tuned: Path | None = None,
        unverified: bool = False,
    ) -> float | None:
        """Write the network as a file that runs without this package; it is run and compared first.

        Args:
            path: of the file, written whole or not at all.
            format: ``onnx``, ``torchscript`` or ``tvm``.
            size, dynamic, target, tuned, unverified: see :class:`litepose.export.Options`.

        Returns:
            The largest difference of its outputs from PyTorch's, relative to their largest value; None where
            it was not run.

        Raises:
            InputError: see :func:`litepose.export.export`.
        """
        weights.describe(self.model)  # refuses what came from an exported file
        trained = Trained(copy.deepcopy(self.model).cpu(), self.skeleton, self.input_size)
        options = export.Options(format, size, dynamic, target, tuned, unverified)
        return export.export(trained, Path(path), options)

    def stream(
        self, sources: Any, *, flip: bool = True, on_error: Callable[[InputError], None] | None = None
    ) -> Iterator[Frame]:
        """Find people in one image after the other, of which few are in memory at a time.

        Reading, the network and grouping run beside each other, in all threads of the CPU.

        Args:
            sources: a file, a folder, a pattern such as ``photos/*.jpg``, a video, a camera's number, or
                several of them.
            flip: see :meth:`__call__`.
            on_error: takes what is wrong with an image, which is left out, or with the rest of a video; by
                default it is raised.

        Yields:
            The images with their people, in order.

        Raises:
            InputError: a folder or pattern holds nothing to look at.
        """
        items = ((source, number, read) for source in expand(sources) for number, read in source.images())

        def look(item: tuple[Source, int | None, Read]) -> Frame | InputError:
            source, number, read = item
            try:
                image = read()
                return Frame(image, self._look(image, flip), source, number)
            except InputError as error:
                return error

        for frame in in_order(look, items, self.threads or torch.get_num_threads()):
            if isinstance(frame, Frame):
                yield frame
            elif on_error:
                on_error(frame)
            else:
                raise frame

    def _look(self, image: np.ndarray, flip: bool) -> People:
        """The people of an image, in the calling thread alone."""
        return self._people(
            find(self.network, image, self.skeleton, self.input_size, flip=flip, device=self._place)
        )

    def _find(self, images: Sequence[Image], flip: bool) -> list[People]:
        if self._place.type != "cpu":
            return self._in_batches(images, flip)
        if len(images) == 1:
            with computing_with(self.threads):
                return [self._look(pixels(images[0]), flip)]
        threads = self.threads or torch.get_num_threads()
        return list(in_order(lambda image: self._look(pixels(image), flip), images, threads))

    def _in_batches(self, images: Sequence[Image], flip: bool) -> list[People]:
        """A GPU is busy only with many images at once, which are read and grouped beside it."""
        people: list[People] = []
        for first in range(0, len(images), IMAGES_AT_ONCE):
            some = [pixels(image) for image in images[first : first + IMAGES_AT_ONCE]]
            found = predict(self.network, some, self.skeleton, self.input_size, flip=flip, device=self._place)
            people += [
                self._people([person for person in found if person["image_id"] == number])
                for number in range(len(some))
            ]
        return people

    def _people(self, detections: list[dict]) -> People:
        """Of COCO results of one image."""
        keypoints = np.array([person["keypoints"] for person in detections], np.float32)
        scores = np.array([person["score"] for person in detections], np.float32)
        return People(keypoints.reshape(len(detections), self.skeleton.num_joints, 3), scores)


def load(
    weights_file: str | Path,
    device: str = "auto",
    runtime: str = "pytorch",
    *,
    official: str | Path | None = None,
    size: int | None = None,
    threads: int | None = None,
) -> Estimator:
    """An estimator with trained weights.

    Args:
        weights_file: a file that this project's training wrote, which says its network, joints and input
            size; or such a network as an ONNX file, which ONNX Runtime runs whatever the runtime. With
            ``official`` the name of the network in the zoo instead, such as ``litepose-m``.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, ...
        runtime: what runs the network: ``pytorch``, ``onnxruntime`` (which takes seconds to prepare it) or
            ``tvm`` (which takes as long or longer for each new shape of image).
        official: a checkpoint of the authors' released code, for CrowdPose's 14 joints or COCO's 17.
        size: px of the image's short side; by default what the network was trained for.
        threads: that a CPU computes with; by default those of PyTorch.

    Raises:
        InputError: a file is missing or of another kind, or an argument is not as it must be.
    """
    if runtime not in RUNTIMES:
        raise InputError(f"The runtime is {runtime!r}, but networks run in {', '.join(RUNTIMES)} only")
    if size is not None and size < 1:
        raise InputError(f"The size is {size}, but must be above 0 px")
    if threads is not None and threads < 1:
        raise InputError(f"The threads are {threads}, but must be above 0")
    place = find_device(device)
    if not official and Path(weights_file).suffix == ".onnx":
        return _exported(Path(weights_file), place, size, threads)
    trained = read_official(str(weights_file), Path(official)) if official else _read(Path(weights_file))
    try:
        return Estimator(trained.model, trained.skeleton, size or trained.input_size, place, runtime, threads)
    except InputError as error:
        raise InputError(f"{official or weights_file}: {error}") from None


def read_official(name: str, file: Path) -> Trained:
    """A network of the authors' released code, at its published input size.

    Args:
        name: of the network in the zoo.
        file: the checkpoint.

    Raises:
        InputError: the file is missing, holds more than tensors, or is of another network.
    """
    tensors = tensor_file.read(file)
    try:
        joints = released_joints(name, tensors)
        if joints not in OFFICIAL_SKELETONS:
            raise InputError(f"it predicts {joints} joints, but CrowdPose has 14 and COCO 17")
        model = models.load_official(name, joints, tensors)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    return Trained(model, OFFICIAL_SKELETONS[joints], models.published_input_size(name))


def _exported(file: Path, device: torch.device, size: int | None, threads: int | None) -> Estimator:
    """An estimator with a network that was exported to an ONNX file, which says its joints and input size."""
    network = registry.exported(file, host_or_cuda(device))
    skeleton, input_size = export.described(network.metadata, file)
    return Estimator(network, skeleton, size or input_size, "cpu", threads=threads)


def host_or_cuda(device: torch.device) -> str:
    """A device's name among those of the runtimes."""
    return "cuda" if device.type == "cuda" else "host"


def _read(file: Path) -> Trained:
    if not file.exists() and str(file) in models.names():
        raise InputError(f"{file} is the name of a network: give the file of its weights as official too")
    return weights.load(file)


def find_device(name: str) -> torch.device:
    """The device that ``auto`` or an explicit name stands for.

    Raises:
        InputError: it does not exist.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(name)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"The device is {name!r}: use auto, cpu or cuda ({reason})") from None
    return place


def pixels(image: Image) -> np.ndarray:
    """An image as uint8 RGB [h, w, 3]; a file is turned upright.

    Raises:
        InputError: a file cannot be read, or an array is not an image.
    """
    if isinstance(image, str | Path):
        return read_image(Path(image), upright=True)
    if not isinstance(image, np.ndarray):
        raise InputError(f"An image is of the type {type(image).__name__}: give an array or a file's path")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f"An image is an array {list(image.shape)} of {image.dtype}: give uint8 RGB [height, width, 3]"
        )
    return image


def draw(image: Image, people: People, skeleton: Skeleton, min_score: float = 0.1) -> np.ndarray:
    """A copy of an image with people's skeletons over it.

    Args:
        image: uint8 RGB array [h, w, 3], or a file.
        people: as an estimator found them there.
        skeleton: the estimator's.
        min_score: people with a lower score are left out.

    Returns:
        uint8 RGB [h, w, 3].
    """
    return draw_people(pixels(image), list(people.above(min_score).keypoints), skeleton)
