"""The kinds of training, on noise pictures: their networks, tasks and single steps."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from litepose.core.errors import DivergedError
from litepose.core.layout import channels_last
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations
from litepose.datasets.classification import ClassificationDataset
from litepose.datasets.keypoints import Augmentation, KeypointDataset
from litepose.models.litepose import ARCHITECTURES, LitePose, LitePoseClassifier
from litepose.models.space import SearchSpace
from litepose.models.supernet import Supernet
from litepose.training.classification import ClassificationTask
from litepose.training.depthwise import fast_gradient
from litepose.training.loop import Watch, backward
from litepose.training.losses import PoseLoss
from litepose.training.pose import DistillationTask, PoseTask
from litepose.training.step import PLAIN, PRECISIONS, StepOptions
from litepose.training.supernet import SupernetTask
from litepose.training.task import ImageTask
from support import pose_data

KINDS = ("pose", "supernet", "distillation", "classification")
SCALES = 20  # that float16's scale of the gradients may be halved until they are finite
PEOPLE = 2  # in each picture


class Step(NamedTuple):
    """What one step gives: losses by name, the gradient of all parameters [P], how often that was halved."""

    losses: dict[str, float]
    gradient: Tensor
    halved: int


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Noise pictures with people, and the same in two classes."""
    rng = np.random.default_rng(0)
    people = []
    for image in range(1, count + 1):
        for _ in range(PEOPLE):
            places = rng.uniform(0.2 * side, 0.8 * side, (CROWDPOSE.num_joints, 2))
            joints = np.column_stack([places, np.full(CROWDPOSE.num_joints, 2)])
            people.append(pose_data.person(CROWDPOSE, joints, image))
    _, images = pose_data.write(folder, pose_data.content(CROWDPOSE, people, [(side, side)] * count))
    for number, picture in enumerate(sorted(images.iterdir())):
        label = folder / "train" / ("bird", "cat")[number % 2]
        label.mkdir(parents=True, exist_ok=True)
        (label / picture.name).write_bytes(picture.read_bytes())


def dataset(folder: Path) -> KeypointDataset:
    """What `write_pictures` wrote, with augmentation."""
    images = annotations.load(folder / "people.json", folder / "images", CROWDPOSE)
    return KeypointDataset([images], CROWDPOSE, Augmentation(), seed=0)


def network(kind: str, depth: float) -> nn.Module:
    """A network that is the same in every process, on the CPU."""
    torch.manual_seed(0)
    if kind == "classification":
        return channels_last(LitePoseClassifier(ARCHITECTURES["half"], 2, depth=depth))
    if kind == "supernet":
        return channels_last(Supernet(CROWDPOSE.num_joints, depth=depth))
    return channels_last(LitePose(ARCHITECTURES["xs"], CROWDPOSE.num_joints, depth=depth))


def task(kind: str, folder: Path, device: torch.device, sizes) -> ImageTask:
    """What a kind of network learns on a device."""
    side, images = sizes.step_side, sizes.step_images
    if kind == "classification":
        return ClassificationTask(ClassificationDataset(folder, "train"), side, images, device, 0)
    shared = {
        "criterion": PoseLoss(),
        "dataset": dataset(folder),
        "batch_size": images,
        "device": device,
        "workers": 0,
    }
    if kind == "supernet":
        return SupernetTask(SearchSpace((1.0, 0.5), (side,)), **shared)
    if kind == "distillation":
        torch.manual_seed(1)
        teacher = channels_last(LitePose(ARCHITECTURES["s"], CROWDPOSE.num_joints, depth=sizes.step_depth))
        taught_by = {
            "teacher": teacher.eval().to(device),
            "teacher_resolution": sizes.teacher_side,
            "weight": 1.0,
        }
        return DistillationTask(**taught_by, resolution=side, **shared)
    return PoseTask(resolution=side, **shared)


class Double(nn.Module):
    """A network that computes in float64; what it gives is float32, as the losses take it."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = copy.deepcopy(module).double()

    def forward(self, images):
        outputs = self.module(images.double())
        return outputs.float() if isinstance(outputs, Tensor) else [output.float() for output in outputs]


def one_step(
    model: nn.Module,
    learnt: ImageTask,
    options: StepOptions = PLAIN,
    translate: Callable[[nn.Module], nn.Module] = lambda model: model,
) -> Step:
    """Losses and gradient of the first batch, computed as a training computes them.

    Raises:
        DivergedError: one is not finite.
        ValueError: a tensor is not where, or of the type, that it should be.
    """
    scaler, optimizer = options.scaler(learnt.device), torch.optim.SGD(model.parameters(), lr=0.0)
    batch = next(iter(learnt.batches(0)))
    with fast_gradient(model):
        forward = translate(model.train())
        for halved in range(SCALES if scaler.is_enabled() else 1):
            optimizer.zero_grad()
            watch = Watch("one step")
            losses = backward(forward, learnt, batch, 0, 0, options, scaler, watch)
            watch.check()
            scaler.unscale_(optimizer)
            gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
            if all(bool(torch.isfinite(gradient).all()) for gradient in gradients.values()):
                check_tensors(model, losses, gradients, learnt.device)
                flat = torch.cat([gradient.flatten().double().cpu() for gradient in gradients.values()])
                return Step({name: float(value) for name, value in losses.items()}, flat, halved)
            scaler.update()
    raise DivergedError("one step: a gradient is not finite")


def check_tensors(
    model: nn.Module, losses: dict[str, Tensor], gradients: dict[str, Tensor], device: torch.device
) -> None:
    """Everything of a step is on its device; losses and gradients have the type of the weights or float32.

    Raises:
        ValueError: something is not.
    """
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers()), **losses}
    tensors |= {f"the gradient of {name}": gradient for name, gradient in gradients.items()}
    for name, tensor in tensors.items():
        if tensor.device.type != device.type:
            raise ValueError(f"{name} is on {tensor.device.type}, not on {device.type}")
        if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{name} is {tensor.dtype}, not float32")


@contextmanager
def noted_types(model: nn.Module) -> Iterator[set[torch.dtype]]:
    """The number formats in which a network's convolutions give their outputs, while the context lasts."""
    found: set[torch.dtype] = set()
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, out: found.add(out.dtype)) for layer in layers
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def lowered_step(model: nn.Module, learnt: ImageTask, precision: str) -> Step:
    """One step under automatic mixed precision.

    Raises:
        ValueError: the convolutions did not compute in that format.
    """
    with noted_types(model) as found:
        step = one_step(model, learnt, StepOptions(precision=precision))
    if found != {PRECISIONS[precision]}:
        raise ValueError(f"convolutions give {sorted(map(str, found))}, not {PRECISIONS[precision]}")
    return step


def error(found: Tensor, expected: Tensor) -> float:
    """Length of the difference as a share of the expected length."""
    return float((found - expected).norm() / expected.norm().clamp(min=1e-30))


def loss_error(found: Step, expected: Step) -> float:
    """Largest difference of a loss as a share of the total loss."""
    if found.losses.keys() != expected.losses.keys():
        raise ValueError(f"losses are {sorted(found.losses)}, not {sorted(expected.losses)}")
    total = abs(expected.losses["loss"])
    # max() would pass over what is not a number.
    errors = [abs(found.losses[name] - value) / total for name, value in expected.losses.items()]
    return float(np.max(errors))
