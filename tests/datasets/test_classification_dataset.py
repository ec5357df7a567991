"""Images in one folder per class."""

import cv2
import numpy as np
import pytest
import torch

from litepose.core.errors import InputError
from litepose.datasets.classification import ClassificationDataset, collate
from litepose.datasets.sampling import Sample


@pytest.fixture
def root(tmp_path):
    for label, name in enumerate(("bird", "cat")):
        (tmp_path / "train" / name).mkdir(parents=True)
        for number in range(2):
            pixels = np.random.default_rng([label, number]).integers(0, 255, (40, 50, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "train" / name / f"{number}.png"), pixels)
    return tmp_path


def test_classes_are_the_folders_in_alphabetical_order(root):
    images = ClassificationDataset(root, "train")
    assert images.classes == ["bird", "cat"]
    assert [images[Sample(index, 0, 32, 32)][1] for index in range(4)] == [0, 0, 1, 1]


def test_training_views_change_with_the_epoch_and_test_views_do_not(root):
    for training in (True, False):
        images = ClassificationDataset(root, "train", training=training)
        first, other = (images[Sample(0, epoch, 32, 32)][0] for epoch in (0, 1))
        assert np.array_equal(first, other) != training


def test_a_batch_has_the_sampled_resolution(root):
    images = ClassificationDataset(root, "train")
    batch, labels = collate([images[Sample(index, 0, 24, 24)] for index in (0, 3)])
    assert batch.shape == (2, 3, 24, 24)
    assert batch.dtype == torch.uint8
    assert labels.tolist() == [0, 1]


def test_an_image_with_too_many_pixels_is_refused_by_name(root):
    with pytest.raises(InputError, match=r"0\.png: .* million pixels, more than"):
        ClassificationDataset(root, "train", max_pixels=40 * 50 - 1)[Sample(0, 0, 32, 32)]


def test_a_class_without_images_is_named(root):
    (root / "train" / "dog").mkdir()
    with pytest.raises(InputError, match="dog"):
        ClassificationDataset(root, "train")


def test_a_missing_split_is_named(root):
    with pytest.raises(InputError, match="test"):
        ClassificationDataset(root, "test")
