"""Training steps beside plain ones, and the share of time that a step of the default profile waits for data.

Plain: PyTorch's own convolutions, NCHW, float32, not compiled, with the same loss and optimiser. The two are
timed in turn, and the fastest round counts. On a GPU also this project's step in bfloat16 and compiled.
"""

import copy
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import scenes
from litepose import complexity, models
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations, manifest
from litepose.datasets.keypoints import Augmentation, Batch, KeypointDataset
from litepose.training.depthwise import fast_gradient
from litepose.training.loop import train_one_epoch
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask
from litepose.training.step import PLAIN, StepOptions
from stages.common import keep_memory, read_params

DEFAULT = Path(__file__).parents[2] / "profiles/tiny.yaml"
STEPS, ROUNDS = 3, 5
JOINTS, PEOPLE = CROWDPOSE.num_joints, 30
WAITING_IMAGES = 240  # of the epoch in which waiting is measured
MATRIX = 8192  # side of the matrices whose product stands for the GPU's peak


@dataclass(frozen=True)
class Case:
    """A network with its batch."""

    name: str
    network: nn.Module
    resolution: int
    images: int


class Repeated(PoseTask):
    """The same batch in every step, in memory: nothing waits for data."""

    def __init__(self, case: Case, device: torch.device) -> None:
        super().__init__(
            PoseLoss(),
            dataset=None,
            resolution=case.resolution,
            batch_size=case.images,
            device=device,
            workers=0,
        )
        self.batch = random_batch(case.images, case.resolution, device)

    def batches(self, epoch: int) -> list[Batch]:
        return [self.batch] * STEPS


def random_batch(count: int, resolution: int, device: torch.device) -> Batch:
    """Noise with the shapes of a batch; its people have half of their joints."""
    generator = torch.Generator().manual_seed(0)
    sides = (resolution // 4, resolution // 2)
    index = torch.randint(0, JOINTS * sides[0] ** 2, (count, PEOPLE, JOINTS), generator=generator)
    seen = torch.randint(0, 2, index.shape, generator=generator)
    images = torch.randint(0, 256, (count, resolution, resolution, 3), generator=generator)
    maps = (torch.rand(count, JOINTS, side, side, generator=generator) for side in sides)
    return Batch(
        images.byte().permute(0, 3, 1, 2).to(device),
        tuple(level.to(device) for level in maps),
        tuple(torch.ones(count, side, side, device=device) for side in sides),
        torch.stack([index, seen], -1).to(device),
        list(range(count)),
    )


def our_steps(case, device, options=PLAIN):
    """What runs this project's steps."""
    model = copy.deepcopy(case.network).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    forward = torch.compile(model) if options.compile else model
    task, scaler = Repeated(case, device), options.scaler(device)

    def run():
        with fast_gradient(model):
            train_one_epoch(forward, task, optimizer, scheduler, 0, case.name, options, scaler)

    return run


def plain_steps(case, device):
    """What runs plain steps."""
    model = copy.deepcopy(case.network).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    task = Repeated(case, device)

    def run():
        for raw in task.batches(0):
            batch = task.on_device(raw)
            optimizer.zero_grad()
            loss, _ = task.criterion(model(batch.images.contiguous()), batch)
            loss.backward()
            optimizer.step()

    return run


def speeds(case, device, runs):
    """Images per second of each run, the runs taking turns."""
    seconds = [float("inf")] * len(runs)
    for round_ in range(ROUNDS + 1):
        for number, run in enumerate(runs):
            started = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if round_:  # the first compiles and takes memory
                seconds[number] = min(seconds[number], time.perf_counter() - started)
    return [STEPS * case.images / value for value in seconds]


def default_case(values) -> Case:
    """0.5 LitePose as the default profile trains it."""
    network = models.create("litepose-half", depth=values["recipe"]["depth"])
    section = values["kernels"]
    return Case("0.5 LitePose (default profile)", network, section["resolution"], section["batch_size"])


def waiting(values, workers: int) -> list[float]:
    """Shares of two epochs of the default profile's training in which the step waited for its batch."""
    case, section = default_case(values), values["crowdpose"]
    with tempfile.TemporaryDirectory() as directory:
        settings = scenes.SceneSettings(**section["scenes"])
        scenes.write(Path(directory), CROWDPOSE, {"train": WAITING_IMAGES}, settings, seed=0)
        split = manifest.find_splits(Path(directory), "crowdpose", ["train"])["train"]
        augmentation = Augmentation(**values["recipe"]["augmentation"])
        dataset = KeypointDataset([annotations.load(*split, CROWDPOSE)], CROWDPOSE, augmentation, 0)
        device = torch.device("cpu")
        task = PoseTask(
            PoseLoss(),
            dataset=dataset,
            resolution=case.resolution,
            batch_size=case.images,
            device=device,
            workers=workers,
        )
        model = case.network.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        scaler = PLAIN.scaler(device)
        with fast_gradient(model):
            epochs = [
                train_one_epoch(model, task, optimizer, scheduler, epoch, case.name, PLAIN, scaler)
                for epoch in range(2)
            ]
    return [epoch["wait_share"] for epoch in epochs]


def on_the_cpu():
    """Print the ratios of the steps, and the shares of waiting."""
    device, values = torch.device("cpu"), read_params(DEFAULT)
    for case in (Case("LitePose-XS", models.create("litepose-xs"), 128, 16), default_case(values)):
        ours, plain = speeds(case, device, [our_steps(case, device), plain_steps(case, device)])
        print(
            f"{case.name} at {case.resolution} px, batch {case.images}, {torch.get_num_threads()} threads: "
            f"{ours:.1f} images/s, plain {plain:.1f}: {ours / plain:.2f} times as fast"
        )
    for workers in (0, 2):
        first, second = waiting(values, workers)
        print(
            f"waiting for data with workers {workers}: {first:.1%} of the first epoch's time, in which they "
            f"start, {second:.1%} of the second's"
        )


def on_a_gpu():
    """Print speed, memory and the share of the peak of a matrix product measured here."""
    device = torch.device("cuda")
    peak = matrix_product_flops(device)
    print(f"{torch.cuda.get_device_name()}: product of bfloat16 matrices {peak / 1e12:.0f} TFLOP/s")
    for name, resolution in (("litepose-xs", 256), ("litepose-s", 448)):
        case = Case(name, models.create(name), resolution, 32)
        fast = StepOptions(precision="bfloat16", compile=True)
        torch.cuda.reset_peak_memory_stats()
        (ours,) = speeds(case, device, [our_steps(case, device, fast)])
        memory = torch.cuda.max_memory_allocated() / 2**30
        (plain,) = speeds(case, device, [plain_steps(case, device)])
        # Two operations per multiplication, and the backward pass costs two forward ones.
        used = ours * 6 * complexity.count(case.network, resolution)["macs"]
        print(
            f"{name} at {resolution} px, batch {case.images}: bfloat16, compiled {ours:.0f} images/s, "
            f"{memory:.1f} GiB, {used / peak:.1%} of the matrix product's peak; plain {plain:.0f}: "
            f"{ours / plain:.2f} times as fast"
        )


def matrix_product_flops(device) -> float:
    """Operations per second of the fastest of several products of large bfloat16 matrices."""
    matrix = torch.randn(MATRIX, MATRIX, device=device, dtype=torch.bfloat16)
    fastest = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        started = time.perf_counter()
        matrix @ matrix
        torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - started)
    return 2 * MATRIX**3 / fastest


if __name__ == "__main__":
    keep_memory()
    on_the_cpu()
    if torch.cuda.is_available():
        on_a_gpu()
