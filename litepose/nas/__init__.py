"""Neural architecture search over the widths and resolutions of Lite Pose (section 4)."""
