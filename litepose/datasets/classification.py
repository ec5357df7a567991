"""Images in one folder per class, for the classification side of the kernel study (Figure 7)."""

from pathlib import Path

import cv2
import numpy as np
import torch

from litepose.core.errors import InputError
from litepose.datasets.augmentation import NO_AUGMENTATION, Augmentation, mirrored
from litepose.datasets.images import read_image
from litepose.datasets.sampling import Sample, SampledDataset

SUFFIXES = {".jpg", ".jpeg", ".png"}
# What macOS, Windows, Linux, network drives and notebooks leave behind beside people's folders
SYSTEM_PREFIXES = (".", "@", "$", "__")
SYSTEM_FOLDERS = ("#recycle", "#snapshot", "lost+found", "System Volume Information")
CROPS = Augmentation(rotation=0.0, scale=(0.6, 1.0), translation=10.0, flip=0.5)


class ClassificationDataset(SampledDataset[tuple[np.ndarray, int]]):
    """Images of ``root/split/class/*``, indexed by ``Sample``; classes are numbered in alphabetical order.

    Training views are random crops, shifted and mirrored; other views are the centre square. Random numbers
    come from (seed, epoch, index) alone.

    Args:
        root: directory of the splits.
        split: name of the split's directory.
        seed: of the random numbers.
        training: whether views are random.
        max_pixels: larger images are refused; None for the bound of :func:`read_image`.

    Raises:
        InputError: the directory is missing, or a class has no image.
    """

    def __init__(
        self, root: Path, split: str, seed: int = 0, training: bool = True, max_pixels: int | None = None
    ) -> None:
        directory = Path(root) / split
        if not directory.is_dir():
            raise InputError(
                f"{directory}: the directory does not exist; expected one folder of images per class in it."
            )
        self.classes = sorted(
            path.name for path in directory.iterdir() if path.is_dir() and not of_a_system(path)
        )
        if not self.classes:
            raise InputError(f"{directory}: no class folders; expected one folder of images per class.")
        self.samples: list[tuple[Path, int]] = []
        for label, name in enumerate(self.classes):
            files = sorted(
                path
                for path in (directory / name).iterdir()
                if path.suffix.lower() in SUFFIXES and not of_a_system(path)
            )
            if not files:
                raise InputError(f"{directory / name}: no JPEG or PNG file; every class needs images.")
            self.samples += [(path, label) for path in files]
        self.seed, self.max_pixels = seed, max_pixels
        self.augmentation = CROPS if training else NO_AUGMENTATION

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, sample: Sample) -> tuple[np.ndarray, int]:
        """The view uint8 RGB [R, R, 3] of one image, R being ``image_resolution``, and its class."""
        path, label = self.samples[sample.index]
        image = read_image(path, max_pixels=self.max_pixels)
        rng = np.random.default_rng([self.seed, sample.epoch, sample.index])
        unit, flip = self.augmentation.draw(image.shape[1], image.shape[0], rng)
        side = sample.image_resolution
        view = mirrored(unit * side, side) if flip else unit * side
        return cv2.warpAffine(image, view, (side, side), borderMode=cv2.BORDER_REFLECT_101), label


def of_a_system(path: Path) -> bool:
    """Whether a file or folder is an operating system's or a tool's own, not one of the data."""
    return path.name.startswith(SYSTEM_PREFIXES) or path.name in SYSTEM_FOLDERS


def collate(items: list[tuple[np.ndarray, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """uint8 images [B, 3, R, R], channels last (see ``keypoints.normalise``), and int64 classes [B]."""
    images, labels = zip(*items, strict=True)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.tensor(labels)
