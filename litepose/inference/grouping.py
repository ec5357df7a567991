"""Decoding: from heatmaps and tags to people (associative embedding, as in the released code)."""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as functional
from scipy.optimize import linear_sum_assignment

# Torso and head of COCO first, then the limbs: people are started by the joints that are found most reliably.
# The released code uses this order for CrowdPose's 14 joints as well, without those that do not exist. Joints
# beyond COCO's 17 come last, in their order.
MATCHING_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)
BLOCK = 16  # side in pixels of the blocks in which missing joints are searched
CHUNK = 512  # blocks that are looked at together: half a megabyte per map, which fits the cache


def group(
    heatmaps: torch.Tensor,
    tags: torch.Tensor,
    *,
    max_people: int = 30,
    detection_threshold: float = 0.1,
    tag_threshold: float = 1.0,
    nms_kernel: int = 5,
    adjust: bool = True,
    refine: bool = True,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group the heatmaps' peaks to people by their tags.

    Joint after joint, peaks are assigned to the people found so far by the tags' distances; a peak whose tag
    is farther than the threshold from its person's mean tag starts a new person. Joints that a person still
    lacks are then read where the heatmap, less the rounded tag distance, is largest.

    Args:
        heatmaps: [B, J, H, W], on any device.
        tags: [B, J, H, W, T]; T = 2 with flip test.
        max_people: peaks per joint, and people that peaks are assigned to; more people can come out.
        detection_threshold: smallest heatmap value of a peak, at least 0.
        tag_threshold: largest distance of a peak's tag to its person's mean tag.
        nms_kernel: odd side of the window in which a peak is the maximum.
        adjust: move joints a quarter of a pixel towards the larger neighbour, and to pixel centres.
        refine: look for missing joints.

    Returns:
        Per image: people float32 [P, J, 3 + T] (x, y in pixels of the heatmaps, score, tags; 0 where a joint
        is missing) and their scores float32 [P], the mean over the joints before the missing ones were read.
    """
    batch, num_joints = heatmaps.shape[:2]
    peaks = _peaks(heatmaps, tags, max_people, detection_threshold, nms_kernel)
    images = [
        _assign(peaks[image * num_joints : (image + 1) * num_joints], max_people, tag_threshold)
        for image in range(batch)
    ]
    if adjust:
        _adjust(images, heatmaps)
    scores = [people[:, :, 2].mean(1) for people in images]
    if refine:
        for people, heatmap, tag in zip(images, heatmaps, tags, strict=True):
            _refine(people, heatmap, tag)
    return list(zip(images, scores, strict=True))


def _peaks(
    heatmaps: torch.Tensor, tags: torch.Tensor, max_people: int, threshold: float, kernel: int
) -> list[np.ndarray]:
    """Local maxima above the threshold, best first, per image and joint: [N, 3 + T] of x, y, value, tags.

    Only pixels above the threshold are compared with their neighbours, and only those that are left with the
    next neighbour: few pixels see the whole window, unlike in a max-pool of the whole map.
    """
    planes = heatmaps.shape[0] * heatmaps.shape[1]
    height, width = heatmaps.shape[2:]
    flat = heatmaps.reshape(-1)
    index = (flat > threshold).nonzero().squeeze(1)
    value, x, y = flat[index], index % width, index // width % height
    reach = range(-(kernel // 2), kernel // 2 + 1)
    window = sorted(
        ((dy, dx) for dy in reach for dx in reach if dy or dx), key=lambda d: d[0] ** 2 + d[1] ** 2
    )
    for dy, dx in window:
        # Beyond the border the nearest pixel inside is compared, which is part of the window anyway.
        neighbour = index + ((y + dy).clamp(0, height - 1) - y) * width + (x + dx).clamp(0, width - 1) - x
        left = (value >= flat[neighbour]).nonzero().squeeze(1)
        index, value, x, y = index[left], value[left], x[left], y[left]

    order = value.argsort(descending=True, stable=True)
    order = order[(index[order] // (height * width)).argsort(stable=True)]
    index, value = index[order], value[order]
    found = torch.column_stack([x[order].double(), y[order].double(), value.double()]).cpu().numpy()
    plane = index // (height * width)
    tag = tags[plane // heatmaps.shape[1], plane % heatmaps.shape[1], y[order], x[order]].cpu().numpy()
    starts = np.searchsorted(plane.cpu().numpy(), np.arange(planes + 1))
    peaks = np.concatenate([found, tag], axis=1)
    return [peaks[a : min(b, a + max_people)] for a, b in pairwise(starts)]


def _assign(peaks: list[np.ndarray], max_people: int, tag_threshold: float) -> np.ndarray:
    """People float32 [P, J, 3 + T] of one image, from the peaks of each of its joints [N, 3 + T]."""
    width = peaks[0].shape[1]
    rows = sum(len(found) for found in peaks)  # no more people than peaks
    people = np.zeros((rows, len(peaks), width), np.float32)
    tag_sums = np.zeros((rows, width - 3), np.float32)
    tag_counts = np.zeros(rows, np.float32)
    keys: dict[float, int] = {}  # first tag -> person: two people cannot start with the very same tag
    beyond = range(len(MATCHING_ORDER), len(peaks))
    for joint in (*(joint for joint in MATCHING_ORDER if joint < len(peaks)), *beyond):
        found = peaks[joint]
        if not len(found):
            continue
        grouped = min(len(keys), max_people)
        means = tag_sums[:grouped] / tag_counts[:grouped, None]
        row, person = _match(found, means, tag_threshold)
        people[person, joint] = found[row]
        tag_sums[person] += found[row, 3:].astype(np.float32)
        tag_counts[person] += 1
        new = np.ones(len(found), bool)
        new[row] = False
        started = np.array([keys.setdefault(key, len(keys)) for key in found[new, 3].tolist()], int)
        people[started, joint] = found[new]
        tag_sums[started] = found[new, 3:]
        tag_counts[started] = 1
    return people[: len(keys)]


def _match(found: np.ndarray, means: np.ndarray, tag_threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Peaks and the people they belong to, by the assignment with the least total cost.

    The cost is the rounded tag distance, of which one weighs as much as 100 in detection score. Where peaks
    outnumber people, people are added that cost more than any real one.
    """
    distance = np.linalg.norm(found[:, None, 3:] - means[None], axis=2)
    cost = np.full((len(found), max(len(found), len(means))), 1e10)
    cost[:, : len(means)] = np.round(distance) * 100 - found[:, 2:3]
    row, person = linear_sum_assignment(cost)
    real = person < len(means)
    row, person = row[real], person[real]
    near = distance[row, person] < tag_threshold
    return row[near], person[near]


def _quarter(heatmap: torch.Tensor, plane: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Pixel centres moved by a quarter of a pixel towards the larger neighbours: [N, 2] for N pixels.

    Args:
        heatmap: [planes, H, W].
        plane, x, y: int64 [N].
    """
    height, width = heatmap.shape[1:]
    right = heatmap[plane, y, (x + 1).clamp(max=width - 1)] > heatmap[plane, y, (x - 1).clamp(min=0)]
    below = heatmap[plane, (y + 1).clamp(max=height - 1), x] > heatmap[plane, (y - 1).clamp(min=0), x]
    return torch.stack([x, y], 1) + 0.25 + 0.5 * torch.stack([right, below], 1)


def _adjust(images: list[np.ndarray], heatmaps: torch.Tensor) -> None:
    """Sub-pixel positions of all detected joints of the batch, in place."""
    num_joints = heatmaps.shape[1]
    people = np.concatenate(images)
    image = np.repeat(np.arange(len(images)), [len(entry) for entry in images])
    person, joint = np.nonzero(people[:, :, 2] > 0)
    plane, x, y = (
        torch.from_numpy(values).to(heatmaps.device)
        for values in (
            image[person] * num_joints + joint,
            *people[person, joint, :2].astype(np.int64).T,
        )
    )
    people[person, joint, :2] = _quarter(heatmaps.flatten(0, 1), plane, x, y).cpu().numpy()
    first = 0
    for entry in images:
        entry[:] = people[first : first + len(entry)]
        first += len(entry)


def _refine(people: np.ndarray, heatmap: torch.Tensor, tags: torch.Tensor) -> None:
    """Fill in the joints that people lack, in place.

    Args:
        people: [P, J, 3 + T].
        heatmap: [J, H, W].
        tags: [J, H, W, T].
    """
    person, joint = np.nonzero(people[:, :, 2] == 0)
    if not len(person):
        return
    wanted = _mean_tags(people, tags)[person].to(heatmap.device)
    joints = torch.from_numpy(joint).to(heatmap.device)
    best = _best_pixels(heatmap, tags, joints, wanted)
    x, y = best % heatmap.shape[2], best // heatmap.shape[2]
    place = _quarter(heatmap, joints, x, y)
    found = torch.column_stack([place, heatmap[joints, y, x]]).cpu().numpy()
    visible = found[:, 2] > 0
    people[person[visible], joint[visible], :3] = found[visible]


def _mean_tags(people: np.ndarray, tags: torch.Tensor) -> torch.Tensor:
    """Mean over each person's detected joints of the tags at their positions: [P, T]."""
    person, joint = np.nonzero(people[:, :, 2] > 0)
    x, y = people[person, joint, :2].astype(np.int64).T
    values = tags[torch.from_numpy(joint), torch.from_numpy(y), torch.from_numpy(x)].cpu().numpy()
    sums = np.zeros((len(people), tags.shape[-1]), np.float32)
    np.add.at(sums, person, values)
    counts = np.bincount(person, minlength=len(people)).astype(np.float32)
    return torch.from_numpy(sums / counts[:, None])


def _best_pixels(
    heatmap: torch.Tensor, tags: torch.Tensor, joints: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    """The first pixel with the largest heatmap - round(tag distance), for each of N wanted joints.

    Branch and bound on square blocks: a block cannot beat its largest heatmap value, less the distance from
    the wanted tag to the range of its tags. The block with the best bound is looked at first, then only those
    whose bound reaches what was found there.

    Args:
        heatmap: [J, H, W].
        tags: [J, H, W, T].
        joints: int64 [N].
        wanted: [N, T], tags.

    Returns:
        int64 [N], index into [H, W] flattened.
    """
    num_joints, height, width = heatmap.shape
    heat = _blocks(heatmap, -torch.inf)
    components = [_blocks(component, 0.0) for component in tags.unbind(-1)]
    goals = wanted.unbind(1)
    count, across = len(heat) // num_joints, -(-width // BLOCK)

    def of_joints(values: torch.Tensor) -> torch.Tensor:
        return values.view(num_joints, count)[joints]  # [N, count]

    outside = [
        torch.maximum(
            of_joints(block.amin(1)) - goal[:, None], goal[:, None] - of_joints(block.amax(1))
        ).clamp_(0)
        for block, goal in zip(components, goals, strict=True)
    ]
    bound = of_joints(heat.amax(1)).sub_(_rounded_length(outside))

    def look(request: torch.Tensor, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Largest value, and its pixel, of one block per request."""
        row = joints[request] * count + block
        differences = [
            component.index_select(0, row).sub_(goal[request, None])
            for component, goal in zip(components, goals, strict=True)
        ]
        value, local = heat.index_select(0, row).sub_(_rounded_length(differences)).max(1)
        y, x = block // across * BLOCK + local // BLOCK, block % across * BLOCK + local % BLOCK
        return value, y * width + x

    everyone = torch.arange(len(joints), device=joints.device)
    reached, _ = look(everyone, bound.argmax(1))
    request, block = (bound >= reached[:, None]).nonzero(as_tuple=True)
    looks = [look(*part) for part in zip(request.split(CHUNK), block.split(CHUNK), strict=True)]
    value, pixel = (torch.cat(results) for results in zip(*looks, strict=True))
    best = torch.full_like(reached, -torch.inf).scatter_reduce_(0, request, value, "amax")
    first = torch.full_like(joints, height * width)
    return first.scatter_reduce_(0, request, pixel.where(value == best[request], height * width), "amin")


def _blocks(maps: torch.Tensor, border: float) -> torch.Tensor:
    """Square blocks of [J, H, W], row by row: [J * rows * columns, BLOCK * BLOCK], padded at the ends."""
    num_joints, height, width = maps.shape
    below, right = -height % BLOCK, -width % BLOCK
    if below or right:
        maps = functional.pad(maps, (0, right, 0, below), value=border)
    rows, columns = (height + below) // BLOCK, (width + right) // BLOCK
    return maps.reshape(num_joints, rows, BLOCK, columns, BLOCK).transpose(2, 3).reshape(-1, BLOCK * BLOCK)


def _rounded_length(components: list[torch.Tensor]) -> torch.Tensor:
    """Euclidean length, rounded, of vectors given by their components; overwrites the first one."""
    squared = components[0].square_()
    for component in components[1:]:
        squared += component.square_()
    return squared.sqrt_().round_()
