"""Data sets: annotations, training views and targets, classification images, drawn scenes."""
