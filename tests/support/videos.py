"""Small videos of given images."""

import cv2


def write(path, images, rate=10):
    """A motion JPEG, or MPEG-4 where the name ends with .mp4, of uint8 RGB images of one size."""
    height, width = images[0].shape[:2]
    codec = cv2.VideoWriter_fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, rate, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def read(path):
    """Its images, uint8 RGB."""
    capture = cv2.VideoCapture(str(path))
    images = []
    while (found := capture.read())[0]:
        images.append(cv2.cvtColor(found[1], cv2.COLOR_BGR2RGB))
    return images
