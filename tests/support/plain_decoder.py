"""The released decoder as plain loops over people and joints: what the fast one is measured against."""

import numpy as np
import torch
import torch.nn.functional as functional

from support import plain_munkres

ORDER = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


def group(heatmap, tag, max_people=30, detection_threshold=0.1, tag_threshold=1.0, solve=None):
    """People [P, J, 3 + T] and scores of one image, from heatmap [J, H, W] and tag [J, H, W, T] tensors.

    ``solve`` gives pairs of rows and columns for costs; by default those of munkres.
    """
    heat, tags = heatmap.numpy(), tag.numpy()
    people = _match(_top(heatmap, tags, max_people), max_people, detection_threshold, tag_threshold, solve)
    for person in people:
        for joint in range(len(heat)):
            if person[joint, 2] > 0:
                person[joint, :2] = _shifted(heat[joint], int(person[joint, 0]), int(person[joint, 1]))
    scores = [float(person[:, 2].mean()) for person in people]
    for person in people:
        _fill(person, heat, tags)
    return people, scores


def _top(heatmap, tags, count):
    joints, _, width = heatmap.shape
    pooled = functional.max_pool2d(heatmap[None], 5, 1, 2)[0]
    kept = heatmap * (pooled == heatmap)
    values, indices = kept.reshape(joints, -1).topk(count, 1)
    peaks = []
    for joint in range(joints):
        rows = []
        for value, index in zip(values[joint].tolist(), indices[joint].tolist(), strict=True):
            y, x = divmod(index, width)
            rows.append([x, y, value, *tags[joint, y, x].tolist()])
        peaks.append(np.array(rows))
    return peaks


def _match(peaks, max_people, detection_threshold, tag_threshold, solve):
    people, members = {}, {}
    shape = (len(peaks), peaks[0].shape[1])
    for joint in [joint for joint in ORDER if joint < len(peaks)]:
        found = [row for row in peaks[joint] if row[2] > detection_threshold]
        if not found:
            continue
        keys = list(people)[:max_people]
        pairs = {}
        if keys:
            means = [np.mean(members[key], axis=0) for key in keys]
            distance = np.array([[np.linalg.norm(row[3:] - mean) for mean in means] for row in found])
            cost = np.round(distance) * 100 - np.array([[row[2]] for row in found])
            if len(found) > len(keys):
                cost = np.hstack([cost, np.full((len(found), len(found) - len(keys)), 1e10)])
            pairs = dict((solve or plain_munkres.solve)(cost))
        for number, row in enumerate(found):
            column = pairs.get(number, len(keys))
            if column < len(keys) and distance[number][column] < tag_threshold:
                key = keys[column]
                people[key][joint] = row
                members[key].append(row[3:].astype(np.float32))
            else:
                key = row[3]
                people.setdefault(key, np.zeros(shape, np.float32))[joint] = row
                members[key] = [row[3:].astype(np.float32)]
    return list(people.values())


def _shifted(heat, x, y):
    height, width = heat.shape
    right = heat[y, min(x + 1, width - 1)] > heat[y, max(x - 1, 0)]
    below = heat[min(y + 1, height - 1), x] > heat[max(y - 1, 0), x]
    return x + 0.5 + (0.25 if right else -0.25), y + 0.5 + (0.25 if below else -0.25)


def _fill(person, heat, tags):
    seen = [tags[joint, int(row[1]), int(row[0])] for joint, row in enumerate(person) if row[2] > 0]
    mean = np.mean(seen, axis=0)
    for joint in range(len(heat)):
        distance = ((tags[joint] - mean) ** 2).sum(2) ** 0.5
        y, x = np.unravel_index(np.argmax(heat[joint] - np.round(distance)), heat[joint].shape)
        if heat[joint, y, x] > 0 and person[joint, 2] == 0:
            person[joint, :2] = _shifted(heat[joint], int(x), int(y))
            person[joint, 2] = heat[joint, y, x]


def scene(people, size, joints=14, seed=0, missing=0.2, tag_spread=0.1, noise=0.01):
    """Heatmaps [J, S, S] and tags [J, S, S, 2] as a network might give for so many people, as tensors."""
    rng = np.random.default_rng(seed)
    scale = size / 128
    y, x = np.mgrid[:size, :size].astype(np.float32)
    heat = np.abs(rng.normal(0, noise, (joints, size, size))).astype(np.float32)
    tags = rng.normal(0, tag_spread, (joints, size, size, 2)).astype(np.float32)
    centres = rng.uniform(0.1, 0.9, (people, 2)) * size
    identity = rng.permutation(people) + rng.uniform(0, 0.3, people)
    identity = np.stack([identity, identity + rng.normal(0, 0.1, people)], 1) * 2
    for person in range(people):
        for joint in range(joints):
            px, py = np.clip(centres[person] + rng.normal(0, 9 * scale, 2), 0, size - 1)
            distance = np.hypot(x - px, y - py)
            around = distance < 6 * scale
            tags[joint, around] = identity[person] + rng.normal(0, tag_spread, (around.sum(), 2))
            if rng.random() > missing:
                bump = rng.uniform(0.3, 1.0) * np.exp(-((distance / (1.5 * scale)) ** 2) / 2)
                heat[joint] = np.maximum(heat[joint], bump)
    return torch.from_numpy(heat), torch.from_numpy(tags)
