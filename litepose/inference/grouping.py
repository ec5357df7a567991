"""Decoding: from heatmaps and tags to people (associative embedding, as in the released code)."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from litepose.inference.assignment import assign
from litepose.inference.blocks import BLOCK, Heatmaps, TagBlocks, Tags

# Torso and head of COCO first, then the limbs: people are started by the joints that are found most reliably.
# The released code uses this order for CrowdPose's 14 joints as well, without those that do not exist. Joints
# beyond COCO's 17 come last, in their order.
MATCHING_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)
CHUNK = 512  # blocks that are looked at together: half a megabyte per map, which fits the cache


def group(
    heatmaps: torch.Tensor,
    tags: torch.Tensor | Tags,
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
        tags: [B, J, H, W, T]; T = 2 with flip test. Or such as are not up-sampled yet.
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
    heat = Heatmaps.of(heatmaps)
    if isinstance(tags, torch.Tensor):
        tags = Tags(tuple(component.contiguous() for component in tags.unbind(-1)), 1)
    peaks = _peaks(heat, tags, max_people, detection_threshold, nms_kernel)
    images = [
        _assign(peaks[image * num_joints : (image + 1) * num_joints], max_people, tag_threshold)
        for image in range(batch)
    ]
    if adjust:
        _adjust(images, heat.maps)
    scores = [people[:, :, 2].mean(1) for people in images]
    if refine:
        for image, people in enumerate(images):
            _refine(people, heat, tags, image)
    return list(zip(images, scores, strict=True))


def _peaks(heat: Heatmaps, tags: Tags, max_people: int, threshold: float, kernel: int) -> list[np.ndarray]:
    """Local maxima above the threshold, best first, per image and joint: [N, 3 + T] of x, y, value, tags."""
    num_images, num_joints, height, width = heat.maps.shape
    plane, y, x, value = _maxima(heat, threshold, kernel)
    # Equal values in the order of their pixels, as a max-pool and top-k of the whole map find them.
    order = ((plane * height + y) * width + x).argsort()
    order = order[value[order].argsort(descending=True, stable=True)]
    order = order[plane[order].argsort(stable=True)]
    plane, y, x, value = plane[order], y[order], x[order], value[order]
    found = torch.column_stack([x.double(), y.double(), value.double()]).cpu().numpy()
    tag = tags.at(plane // num_joints, plane % num_joints, y, x).cpu().numpy()
    starts = np.searchsorted(plane.cpu().numpy(), np.arange(num_images * num_joints + 1))
    peaks = np.concatenate([found, tag], axis=1)
    return [peaks[a : min(b, a + max_people)] for a, b in pairwise(starts)]


def _maxima(heat: Heatmaps, threshold: float, kernel: int) -> tuple[torch.Tensor, ...]:
    """Local maxima above the threshold: plane, y and x, int64 [N], and value [N].

    Only the tops of blocks are compared with their neighbours, and only those that are left with the next
    neighbour: few pixels see the whole window, unlike in a max-pool of the whole map.
    """
    maps = heat.maps.flatten(0, 1)
    height, width = maps.shape[1:]
    plane, y, x = heat.tops(threshold, kernel)
    value = maps[plane, y, x]
    reach = range(-(kernel // 2), kernel // 2 + 1)
    window = sorted(
        ((dy, dx) for dy in reach for dx in reach if dy or dx), key=lambda d: d[0] ** 2 + d[1] ** 2
    )
    for dy, dx in window:
        # Beyond the border the nearest pixel inside is compared, which is part of the window anyway.
        neighbour = maps[plane, (y + dy).clamp(0, height - 1), (x + dx).clamp(0, width - 1)]
        left = (value >= neighbour).nonzero().squeeze(1)
        plane, y, x, value = plane[left], y[left], x[left], value[left]
    return plane, y, x, value


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
    row, person = assign(cost)
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


def _refine(people: np.ndarray, heat: Heatmaps, tags: Tags, image: int) -> None:
    """Fill in the joints that people lack, in place.

    Args:
        people: [P, J, 3 + T].
        heat, tags: of the batch.
        image: number of the image in the batch.
    """
    person, joint = np.nonzero(people[:, :, 2] == 0)
    if not len(person):
        return
    heatmap = heat.maps[image]
    wanted = _mean_tags(people, tags, image)[person].to(heatmap.device)
    joints = torch.from_numpy(joint).to(heatmap.device)
    y, x = _best_pixels(heat, tags, image, joints, wanted)
    place = _quarter(heatmap, joints, x, y)
    found = torch.column_stack([place, heatmap[joints, y, x]]).cpu().numpy()
    visible = found[:, 2] > 0
    people[person[visible], joint[visible], :3] = found[visible]


def _mean_tags(people: np.ndarray, tags: Tags, image: int) -> torch.Tensor:
    """Mean over each person's detected joints of the tags at their positions: [P, T]."""
    person, joint = np.nonzero(people[:, :, 2] > 0)
    device = tags.components[0].device
    where = (torch.from_numpy(index).to(device) for index in (joint, *_cells(people[person, joint])))
    values = tags.at(image, *where).cpu().numpy()
    sums = np.zeros((len(people), values.shape[1]), np.float32)
    np.add.at(sums, person, values)
    counts = np.bincount(person, minlength=len(people)).astype(np.float32)
    return torch.from_numpy(sums / counts[:, None])


def _cells(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and x of the pixels that positions [N, 2 or more] lie in, int64 [N]."""
    x, y = places[:, :2].astype(np.int64).T
    return y, x


def _best_pixels(
    heat: Heatmaps, tags: Tags, image: int, joints: torch.Tensor, wanted: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first pixel with the largest heatmap - round(tag distance), for each of N wanted joints.

    Branch and bound on square blocks: a block cannot beat its largest heatmap value, less the distance from
    the wanted tag to the range of its tags. The block with the best bound is looked at first, then only those
    whose bound reaches what was found there.

    Args:
        heat, tags: of the batch.
        image: number of the image in the batch.
        joints: int64 [N].
        wanted: [N, T], tags.

    Returns:
        y and x, int64 [N].
    """
    blocks, largest = heat.blocks[image], heat.largest[image]
    components, goals = tags.blocks(image), wanted.unbind(1)
    count, across = largest[0].numel(), largest.shape[2]
    bound = _bounds(largest, components, joints, goals)

    def values(rows: torch.Tensor) -> list[torch.Tensor]:
        """Heatmap and tag components of blocks, [N, pixels] each; a row is a block of a joint."""
        where = rows // count, rows % count // across, rows % across
        return [maps.flatten(1) for maps in (blocks[where], *(tag.at(*where) for tag in components))]

    everyone = torch.arange(len(joints), device=joints.device)
    reached, _ = _largest_in(values(joints * count + bound.argmax(1)), everyone, goals)
    request, block = (bound >= reached[:, None]).nonzero(as_tuple=True)
    # Several people look at the same block, which is up-sampled once.
    distinct, number = (joints[request] * count + block).unique(return_inverse=True)
    pixels = values(distinct)
    looks = [
        _largest_in(pixels, part, [goal[who] for goal in goals])
        for part, who in zip(number.split(CHUNK), request.split(CHUNK), strict=True)
    ]
    value, local = (torch.cat(results) for results in zip(*looks, strict=True))
    y, x = block // across * BLOCK + local // BLOCK, block % across * BLOCK + local % BLOCK

    width, none = heat.maps.shape[3], heat.maps[image, 0].numel()
    best = torch.full_like(reached, -torch.inf).scatter_reduce_(0, request, value, "amax")
    pixel = (y * width + x).where(value == best[request], none)
    first = torch.full_like(joints, none).scatter_reduce_(0, request, pixel, "amin")
    return first // width, first % width


def _bounds(
    largest: torch.Tensor, components: list[TagBlocks], joints: torch.Tensor, goals: Sequence[torch.Tensor]
) -> torch.Tensor:
    """What no pixel of a block can exceed, for each of N wanted joints: [N, blocks].

    Args:
        largest: heatmap value of each block, [J, rows, columns].
        components: of the tags.
        joints: int64 [N].
        goals: per component, the wanted tags [N].
    """
    outside = []
    for component, goal in zip(components, goals, strict=True):
        low, high = (edge.flatten(1)[joints] for edge in component.ranges())
        outside.append(torch.maximum(low - goal[:, None], goal[:, None] - high).clamp_(0))
    return largest.flatten(1)[joints].sub_(_rounded_length(outside))


def _largest_in(
    values: Sequence[torch.Tensor], rows: torch.Tensor, goals: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest heatmap - round(tag distance) in N blocks, and its place there.

    Args:
        values: heatmap and tag components of blocks, [blocks, pixels] each.
        rows: which blocks, int64 [N].
        goals: per component, the wanted tags [N].
    """
    heat, *components = (maps.index_select(0, rows) for maps in values)
    differences = [tag.sub_(goal[:, None]) for tag, goal in zip(components, goals, strict=True)]
    return heat.sub_(_rounded_length(differences)).max(1)


def _rounded_length(components: list[torch.Tensor]) -> torch.Tensor:
    """Euclidean length, rounded, of vectors given by their components; overwrites the first one."""
    squared = components[0].square_()
    for component in components[1:]:
        squared += component.square_()
    return squared.sqrt_().round_()
