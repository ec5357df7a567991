"""The losses: masked heatmaps, associative-embedding tags, distillation; all vectorised over the batch."""

from collections.abc import Sequence

import torch
import torch.nn.functional as functional

from litepose.datasets.keypoints import Batch


def heatmap_loss(
    prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, foreground_weight: float = 0.0
) -> torch.Tensor:
    """Masked mean squared error of each image.

    Args:
        prediction, target: [B, J, H, W].
        mask: [B, H, W]; 0 where the error does not count. The mean is over all pixels, as released.
        foreground_weight: each pixel's error is weighted by 1 + this x target; 0 is the released loss.

    Returns:
        [B].
    """
    error = (prediction - target).square() * mask[:, None]
    if foreground_weight:
        error = error * (1 + foreground_weight * target)
    return error.mean((1, 2, 3))


def tag_loss(tags: torch.Tensor, joints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Push and pull of associative embedding with exp(-distance squared) between people's mean tags.

    Args:
        tags: [B, J * H * W] or [B, J, H, W].
        joints: int64 [B, P, J, 2]: index into the flattened tags, and 1 where it counts.

    Returns:
        Push [B] (0 below two people) and pull [B] (0 without people).
    """
    batch, people, num_joints, _ = joints.shape
    index, visible = joints[..., 0], joints[..., 1].to(tags.dtype)
    values = tags.reshape(batch, -1).gather(1, index.reshape(batch, -1)).view(batch, people, num_joints)
    count = visible.sum(2)
    exists = (count > 0).to(tags.dtype)
    persons = exists.sum(1)
    mean = (values * visible).sum(2) / count.clamp(min=1)  # [B, P]
    variance = ((values - mean[..., None]).square() * visible).sum(2) / count.clamp(min=1)
    pull = variance.sum(1) / persons.clamp(min=1)

    closeness = torch.exp(-(mean[:, :, None] - mean[:, None, :]).square())
    pairs = closeness * exists[:, :, None] * exists[:, None, :]
    push = 0.5 * (pairs.sum((1, 2)) - persons) / (persons * (persons - 1)).clamp(min=1)
    return push, pull


def distillation_loss(
    student_outputs: Sequence[torch.Tensor], teacher_outputs: Sequence[torch.Tensor], num_joints: int
) -> torch.Tensor:
    """Mean squared error between the heatmaps of student and teacher, summed over the outputs (section 4).

    Args:
        student_outputs: per output [B, C, H, W]; the first ``num_joints`` channels are heatmaps.
        teacher_outputs: likewise, of any spatial size: resized to the student's.
        num_joints: number of heatmaps.

    Returns:
        Scalar.
    """
    total = student_outputs[0].new_zeros(())
    for student, teacher in zip(student_outputs, teacher_outputs, strict=True):
        goal = teacher[:, :num_joints].detach()
        if goal.shape[-2:] != student.shape[-2:]:
            goal = functional.interpolate(goal, student.shape[-2:], mode="bilinear", align_corners=False)
        total = total + functional.mse_loss(student[:, :num_joints], goal)
    return total


class PoseLoss:
    """The training objective: heatmaps at both outputs, tags at the first.

    Args:
        foreground_weight: see ``heatmap_loss``.
        push_weight, pull_weight: factors of the two parts of the tag loss.
        tags: False for pre-training, which learns heatmaps only.
    """

    def __init__(
        self,
        foreground_weight: float = 0.0,
        push_weight: float = 1e-3,
        pull_weight: float = 1e-3,
        tags: bool = True,
    ) -> None:
        self.foreground_weight = foreground_weight
        self.push_weight = push_weight
        self.pull_weight = pull_weight
        self.tags = tags

    def __call__(
        self, outputs: Sequence[torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Total loss (scalar, mean over the batch) and its parts (detached scalars, weighted).

        Args:
            outputs: [B, 2J, R/4, R/4] (heatmaps, then tags) and [B, J, R/2, R/2].
            batch: the targets, on the outputs' device.
        """
        num_joints = batch.heatmaps[0].shape[1]
        parts = {}
        for stride, output, target, mask in zip((4, 2), outputs, batch.heatmaps, batch.masks, strict=True):
            # Sums over hundreds of thousands of small squares need float32, also under mixed precision.
            loss = heatmap_loss(output[:, :num_joints].float(), target, mask, self.foreground_weight)
            parts[f"heatmaps_stride{stride}"] = loss.mean()
        if self.tags:
            push, pull = tag_loss(outputs[0][:, num_joints:].float(), batch.joints)
            parts["push"] = self.push_weight * push.mean()
            parts["pull"] = self.pull_weight * pull.mean()
        total = torch.stack(list(parts.values())).sum()
        return total, {name: part.detach() for name, part in parts.items()}
