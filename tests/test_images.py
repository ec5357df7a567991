"""Reading image files of all kinds."""

import cv2
import numpy as np
import pytest

from litepose.datasets.images import read_image
from litepose.errors import InputError

RED = np.zeros((8, 12, 3), np.uint8)
RED[..., 2] = 255  # OpenCV writes blue, green, red


def test_colours_come_as_red_green_blue(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), RED)
    assert read_image(tmp_path / "red.png")[0, 0].tolist() == [255, 0, 0]


def test_grey_images_become_three_equal_channels(tmp_path):
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.repeat(grey[..., None], 3, 2))


def test_sixteen_bit_images_become_eight_bit(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((8, 12, 3), 0x8000, np.uint16))
    image = read_image(tmp_path / "deep.png")
    assert image.dtype == np.uint8
    assert np.all(np.abs(image.astype(int) - 128) <= 1)


def test_palette_images_show_their_colours(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    image_module.fromarray(RED[..., ::-1]).quantize(4).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png")[0, 0].tolist() == [255, 0, 0]


def test_cmyk_images_show_their_colours(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    image_module.new("CMYK", (12, 8), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "cmyk.jpg")[4, 6].astype(int)
    assert red > 200
    assert green < 60
    assert blue < 60


def test_exif_orientation_is_ignored_because_annotations_refer_to_stored_pixels(tmp_path):
    _, encoded = cv2.imencode(".jpg", RED)
    orientation = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # turned by 90 degrees
    segment = b"Exif\0\0" + orientation
    data = encoded.tobytes()
    tagged = data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    (tmp_path / "turned.jpg").write_bytes(tagged)
    assert cv2.imread(str(tmp_path / "turned.jpg")).shape == (12, 8, 3)  # the tag is understood as such
    assert read_image(tmp_path / "turned.jpg").shape == (8, 12, 3)


def test_a_single_pixel_can_be_read(tmp_path):
    cv2.imwrite(str(tmp_path / "dot.png"), RED[:1, :1])
    assert read_image(tmp_path / "dot.png").shape == (1, 1, 3)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_an_empty_or_broken_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.jpg"):
        read_image(tmp_path / "broken.jpg")


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"absent\.jpg"):
        read_image(tmp_path / "absent.jpg")
