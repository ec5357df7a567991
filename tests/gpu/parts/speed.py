"""Part 3: images per second, memory and share of the peak of training steps; whether the data keep up."""

import gc
import itertools
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gpu import drawn
from gpu.device import settle
from gpu.record import NotRun, Numbers, Record
from gpu.sizes import Case, Sizes
from litepose import complexity
from litepose.core.cores import cores
from litepose.core.layout import channels_last
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.keypoints import Batch
from litepose.datasets.sampling import Sample
from litepose.models.space import SPACES, Configuration
from litepose.models.supernet import Supernet
from litepose.training.depthwise import fast_gradient
from litepose.training.loop import train_one_epoch
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask
from litepose.training.step import StepOptions

PEOPLE = 30  # per image, as many as take part in the tag loss
PASSES = 3  # a forward pass and a backward one, which costs two
READ = 32  # images in a batch that is read
COMPILING = 60  # seconds that a translation takes at least


@dataclass(frozen=True)
class Way:
    """How steps are computed; convolutions in float32 use TF32, PyTorch's choice, where they may."""

    name: str
    options: StepOptions
    last: bool = True  # channels last
    tf32: bool = True
    benchmark: bool = False  # cuDNN's choice of the fastest algorithm of each convolution


WAYS = (
    Way("float32, channels first", StepOptions(), last=False),
    Way("float32 without TF32", StepOptions(), tf32=False),
    Way("float32", StepOptions()),
    Way("bfloat16", StepOptions(precision="bfloat16")),
    Way("float16", StepOptions(precision="float16")),
    Way("bfloat16, cuDNN benchmark", StepOptions(precision="bfloat16"), benchmark=True),
    Way("float32, compiled", StepOptions(compile=True)),
    Way("bfloat16, compiled", StepOptions(precision="bfloat16", compile=True)),
)


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure all items: first what each case costs as it is trained, then the data, then other ways."""
    peak = record.measure("peak", lambda: peaks(device, sizes))
    plain = WAYS[2]
    for case in sizes.cases:
        record.measure(
            f"{case.name}: {plain.name}", lambda case=case: speed(case, plain, device, sizes, peak)
        )
    data(record, device, sizes)
    for way, case in itertools.product([way for way in WAYS if way is not plain], sizes.cases):
        if way.options.compile and case.system == "supernet":
            continue  # its widths change in every step
        seconds = COMPILING if way.options.compile and sizes.compiled else 0
        record.measure(
            f"{case.name}: {way.name}",
            lambda case=case, way=way: speed(case, way, device, sizes, peak),
            seconds,
        )


def peaks(device: torch.device, sizes: Sizes) -> Numbers:
    """Operations per second of a product of large matrices, and bytes per second of a copy."""
    side = 8192 if device.type == "cuda" else 256
    numbers: Numbers = {}
    for name, dtype in (("bfloat16_tflops", torch.bfloat16), ("float32_tflops", torch.float32)):
        matrix = torch.randn(side, side, device=device, dtype=dtype)
        numbers[name] = 2 * side**3 / fastest(lambda matrix=matrix: matrix @ matrix, device) / 1e12
    source = torch.randn(side * side, device=device)
    target = torch.empty_like(source)
    numbers["copy_gb_per_s"] = 2 * source.nbytes / fastest(lambda: target.copy_(source), device) / 1e9
    return numbers


def fastest(function, device: torch.device) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(8):
        settle(device)
        started = time.perf_counter()
        function()
        settle(device)
        times.append(time.perf_counter() - started)
    return min(times)


class Repeated(PoseTask):
    """The same batch in every step, on the device: nothing waits for data.

    A supernet draws another configuration in each step, from a few that stand for its space.
    """

    def __init__(self, case: Case, device: torch.device, last: bool, steps: int):
        super().__init__(
            PoseLoss(),
            dataset=None,
            resolution=case.resolution,
            batch_size=case.images,
            device=device,
            workers=0,
        )
        self.batch = noise(case, device)
        self.last, self.steps = last, steps
        generator = torch.Generator().manual_seed(0)
        self.drawn: list[Configuration] = [SPACES["xs"].sample(generator) for _ in range(steps)]

    def batches(self, epoch: int) -> list[Batch]:
        return [self.batch] * self.steps

    def on_device(self, batch: Batch) -> Batch:
        batch = super().on_device(batch)
        return batch if self.last else batch._replace(images=batch.images.contiguous())

    def loss(self, model: nn.Module, batch: Batch, epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        if isinstance(model, Supernet):
            model.configure(self.drawn[step].architecture)
        return super().loss(model, batch, epoch, step)


def noise(case: Case, device: torch.device) -> Batch:
    """Noise with the shapes of a batch; its people have half of their joints."""
    joints, sides = CROWDPOSE.num_joints, (case.resolution // 4, case.resolution // 2)
    random = {"generator": torch.Generator(device).manual_seed(0), "device": device}
    index = torch.randint(0, joints * sides[0] ** 2, (case.images, PEOPLE, joints), **random)
    seen = torch.randint(0, 2, index.shape, **random)
    pixels = (case.images, case.resolution, case.resolution, 3)
    return Batch(
        torch.randint(0, 256, pixels, dtype=torch.uint8, **random).permute(0, 3, 1, 2),
        tuple(torch.rand(case.images, joints, side, side, **random) for side in sides),
        tuple(torch.ones(case.images, side, side, device=device) for side in sides),
        torch.stack([index, seen], -1),
        list(range(case.images)),
    )


def built(case: Case, sizes: Sizes) -> nn.Module:
    """The network of a case, on the CPU, channels first."""
    torch.manual_seed(0)
    if case.system == "supernet":
        return Supernet(CROWDPOSE.num_joints, depth=sizes.depth)
    return drawn.network(case.system, sizes.depth).to(memory_format=torch.contiguous_format)


def speed(case: Case, way: Way, device: torch.device, sizes: Sizes, peak: dict[str, float]) -> Numbers:
    """Steps on end, as a training runs them, after some that take memory and compile."""
    if way.options.compile and not sizes.compiled:
        raise NotRun("torch.compile takes minutes of a processor")
    free(device)
    if way.options.compile:
        torch.compiler.reset()
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = way.tf32, way.benchmark
    network = built(case, sizes)
    operations = 2 * PASSES * macs(network, case, sizes.timed_steps)
    model = (channels_last(network) if way.last else network).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    task, scaler = Repeated(case, device, way.last, sizes.timed_steps), way.options.scaler(device)
    forward = torch.compile(model) if way.options.compile else model

    def steps() -> float:
        started = time.perf_counter()
        train_one_epoch(forward, task, optimizer, scheduler, 0, case.name, way.options, scaler)
        settle(device)
        return time.perf_counter() - started

    with fast_gradient(model):
        first = steps()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        steps()
        times = [steps()]
        while sum(times) < sizes.timed_seconds:
            times.append(steps())
    images = sizes.timed_steps * case.images * len(times) / sum(times)
    numbers: Numbers = {"images_per_s": images, "ms_per_step": 1000 * case.images / images, "first_s": first}
    if device.type == "cuda":
        numbers["memory_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
    if operations and peak:
        numbers["share_of_peak"] = images * operations / (1e12 * peak["bfloat16_tflops"])
    return numbers


def macs(network: nn.Module, case: Case, steps: int) -> float:
    """Multiply-accumulates of an image; of a supernet the mean of the steps' configurations."""
    if not isinstance(network, Supernet):
        return complexity.count(network, case.resolution)["macs"]
    generator = torch.Generator().manual_seed(0)
    drawn_ones = [SPACES["xs"].sample(generator).architecture for _ in range(steps)]
    counts = (
        complexity.litepose_cost(one, case.resolution, network.num_joints, depth=network.depth)["macs"]
        for one in drawn_ones
    )
    return sum(counts) / steps


def free(device: torch.device) -> None:
    """Give back what the last network took."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def data(record: Record, device: torch.device, sizes: Sizes) -> None:
    """How fast views and targets are made, and how many processes each case's steps need."""
    with tempfile.TemporaryDirectory() as folder:
        places: list = []

        def images():
            if not places:
                counts = {"train": sizes.data_pictures}
                places.append(drawn.pictures(Path(folder), counts, sizes.data_side, sizes.workers)["train"])
            return places[0]

        for case in sizes.cases:
            step = record.items[f"{case.name}: float32"].get("numbers", {})
            record.measure(
                f"{case.name}: data",
                lambda case=case, step=step: feeding(images(), case, device, sizes, step),
            )


def feeding(images, case: Case, device: torch.device, sizes: Sizes, step: dict[str, float]) -> Numbers:
    """Images per second of one process, and of all of them as a training reads them."""
    # Larger batches would fill the memory that processes share.
    batch, repeats = min(case.images, READ, len(images)), sizes.data_repeats
    task = drawn.task(images, case.resolution, batch, device, sizes.workers, True, repeats)
    samples = [Sample(index, 0, case.resolution, case.resolution) for index in range(len(images))]
    for _ in range(2):  # the second time the files are in memory
        started = time.perf_counter()
        for sample in samples:
            task.dataset[sample]
        alone = len(samples) / (time.perf_counter() - started)
    numbers: Numbers = {"images_per_s_worker": alone, "workers": sizes.workers, "cores": cores()}
    numbers["images_per_s_together"] = together(task, sizes)
    if step:
        numbers["workers_needed"] = step["images_per_s"] / alone
    return numbers


def together(task: PoseTask, sizes: Sizes) -> float:
    """Images per second that arrive on the device, after an epoch in which the processes start."""
    times, count = [], 0
    for epoch in itertools.count():
        started = time.perf_counter()
        for batch in task.batches(epoch):
            count += len(task.on_device(batch).images) if epoch else 0
        settle(task.device)
        times.append(time.perf_counter() - started)
        if epoch and sum(times[1:]) > sizes.timed_seconds:
            return count / sum(times[1:])
    raise AssertionError
