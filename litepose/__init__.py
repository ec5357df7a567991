"""Lite Pose: models, data, training, search and measurements of the CVPR 2022 paper."""
