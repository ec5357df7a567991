"""A network that finds as many people as a trained one would, in the time that an untrained one takes."""

import itertools

from torch import Tensor, nn

from litepose.core.skeletons import Skeleton


class FindsPeople(nn.Module):
    """A network whose outputs are overwritten with a few people.

    Untrained networks see nobody or thousands, and grouping would take another time. Paired joints lie on
    each other in the middle column, so that the mirrored image has the same people.
    """

    PEOPLE = 3

    def __init__(self, network: nn.Module, skeleton: Skeleton) -> None:
        super().__init__()
        self.network, self.num_joints = network, skeleton.num_joints
        self.rows = [min(joint, other) for joint, other in enumerate(skeleton.flip)]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs of the network's shapes and cost."""
        outputs = [output.clone() for output in self.network(images)]
        for output in outputs:
            height, width = output.shape[2:]
            output.zero_()
            for person, joint in itertools.product(range(self.PEOPLE), range(self.num_joints)):
                row = int((person + self.rows[joint] / self.num_joints) * height / self.PEOPLE)
                output[:, joint, row, width // 2 - 1 : width // 2 + 1] = 1.0
                if output.shape[1] > self.num_joints:
                    output[:, self.num_joints + joint, row] = person
        return outputs
