"""The losses against the released ones, and in the corner cases."""

import numpy as np
import pytest
import torch

from litepose.datasets.keypoints import Batch
from litepose.training.losses import PoseLoss, distillation_loss, heatmap_loss, tag_loss
from support.pose_data import GOLDEN


@pytest.fixture
def golden():
    arrays = np.load(GOLDEN / "loss_21.npz")
    return {name: torch.from_numpy(arrays[name]) for name in arrays if arrays[name].shape} | {
        name: float(arrays[name]) for name in ("push", "pull")
    }


def test_push_and_pull_equal_the_released_ones_for_0_1_5_and_30_people(golden):
    push, pull = tag_loss(golden["tags"], golden["joints"])
    assert push.mean().item() == pytest.approx(golden["push"], rel=1e-6)
    assert pull.mean().item() == pytest.approx(golden["pull"], rel=1e-6)


def test_the_heatmap_loss_equals_the_released_one(golden):
    loss = heatmap_loss(golden["hm_pred"], golden["hm_gt"], golden["mask"])
    assert torch.allclose(loss, golden["hm_loss"], rtol=1e-6)


def test_an_image_without_people_has_no_tag_loss_and_a_zero_gradient():
    tags = torch.randn(1, 14 * 64, requires_grad=True)
    push, pull = tag_loss(tags, torch.zeros(1, 30, 14, 2, dtype=torch.int64))
    (push + pull).sum().backward()
    assert push.item() == pull.item() == 0
    assert tags.grad.abs().max() == 0


def test_one_person_is_pulled_but_not_pushed():
    joints = torch.tensor([[[[0, 1], [1, 1]]]])
    push, pull = tag_loss(torch.tensor([[0.0, 2.0]]), joints)
    assert push.item() == 0
    assert pull.item() == 1


def test_two_people_are_pushed_apart_and_the_closer_the_harder():
    joints = torch.tensor([[[[0, 1]], [[1, 1]]]])
    near, _ = tag_loss(torch.tensor([[0.0, 0.1]]), joints)
    far, _ = tag_loss(torch.tensor([[0.0, 2.0]]), joints)
    assert near.item() == pytest.approx(0.5 * np.exp(-0.01), rel=1e-5)
    assert far.item() == pytest.approx(0.5 * np.exp(-4), rel=1e-5)


def test_the_tag_loss_of_a_batch_is_that_of_its_images(golden):
    push, pull = tag_loss(golden["tags"], golden["joints"])
    for image in range(len(push)):
        alone = tag_loss(golden["tags"][image : image + 1], golden["joints"][image : image + 1])
        assert torch.allclose(torch.cat(alone), torch.stack([push[image], pull[image]]), rtol=1e-5)


def test_masked_pixels_do_not_count():
    prediction, target = torch.full((1, 2, 4, 4), 9.0), torch.zeros(1, 2, 4, 4)
    mask = torch.zeros(1, 4, 4)
    assert heatmap_loss(prediction, target, mask).item() == 0
    mask[0, 1, 2] = 1
    assert heatmap_loss(prediction, target, mask).item() == pytest.approx(81 / 16)


def test_the_foreground_weight_multiplies_errors_on_the_target():
    target = torch.zeros(1, 1, 2, 2)
    target[0, 0, 0, 0] = 1
    prediction, mask = torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2)
    plain = heatmap_loss(prediction, target, mask)
    assert heatmap_loss(prediction, target, mask, 30.0).item() == pytest.approx(31 * plain.item())


def batch(golden):
    maps, mask = golden["hm_gt"], golden["mask"]
    larger = torch.nn.functional.interpolate(maps, scale_factor=2)
    return Batch(
        torch.zeros(4, 3, 128, 128, dtype=torch.uint8),
        (maps, larger),
        (mask, torch.ones(4, 64, 64)),
        golden["joints"],
        [1, 2, 3, 4],
    )


def test_the_objective_is_the_weighted_sum_of_all_parts(golden):
    tags = golden["tags"].view(4, 14, 32, 32)
    outputs = [torch.cat([golden["hm_pred"], tags], 1), torch.zeros(4, 14, 64, 64)]
    total, parts = PoseLoss()(outputs, batch(golden))
    assert parts["push"].item() == pytest.approx(1e-3 * golden["push"], rel=1e-5)
    assert parts["pull"].item() == pytest.approx(1e-3 * golden["pull"], rel=1e-5)
    assert parts["heatmaps_stride4"].item() == pytest.approx(golden["hm_loss"].mean().item(), rel=1e-6)
    assert parts["heatmaps_stride2"] > 0
    assert total.item() == pytest.approx(sum(part.item() for part in parts.values()), rel=1e-6)


def test_pre_training_leaves_the_tags_alone(golden):
    outputs = [torch.randn(4, 28, 32, 32, requires_grad=True), torch.randn(4, 14, 64, 64)]
    total, parts = PoseLoss(tags=False)(outputs, batch(golden))
    total.backward()
    assert set(parts) == {"heatmaps_stride4", "heatmaps_stride2"}
    assert outputs[0].grad[:, 14:].abs().max() == 0
    assert outputs[0].grad[:, :14].abs().max() > 0


def test_a_student_that_equals_its_teacher_has_no_distillation_loss():
    outputs = [torch.randn(2, 28, 8, 8), torch.randn(2, 14, 16, 16)]
    other_tags = [torch.cat([outputs[0][:, :14], torch.randn(2, 14, 8, 8)], 1), outputs[1]]
    assert distillation_loss(outputs, other_tags, 14).item() == 0


def test_a_larger_teachers_heatmaps_are_resized_to_the_students():
    student = [torch.zeros(2, 28, 8, 8), torch.zeros(2, 14, 16, 16)]
    teacher = [torch.full((2, 28, 14, 14), 2.0), torch.full((2, 14, 28, 28), 3.0)]
    assert distillation_loss(student, teacher, 14).item() == pytest.approx(4 + 9)
    assert distillation_loss(student, teacher, 14).requires_grad is False
