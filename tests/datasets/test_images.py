"""Reading image files of all kinds."""

import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from litepose.core.errors import InputError
from litepose.datasets.images import Header, read_header, read_image

RED = np.zeros((8, 12, 3), np.uint8)
RED[..., 2] = 255  # OpenCV writes blue, green, red
PREVIEW = cv2.imencode(".jpg", RED)[1].tobytes()


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
    Image.fromarray(RED[..., ::-1]).quantize(4).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png")[0, 0].tolist() == [255, 0, 0]


def test_cmyk_images_show_their_colours(tmp_path):
    Image.new("CMYK", (12, 8), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "cmyk.jpg")[4, 6].astype(int)
    assert red > 200
    assert green < 60
    assert blue < 60


def turned(directory):
    """A red JPEG of 12x8 pixels whose EXIF orientation says: turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RED[..., ::-1]).save(directory / "turned.jpg", exif=exif)
    return directory / "turned.jpg"


def test_exif_orientation_is_ignored_because_annotations_refer_to_stored_pixels(tmp_path):
    assert read_image(turned(tmp_path)).shape == (8, 12, 3)


def test_an_upright_image_is_turned_as_its_exif_orientation_says(tmp_path):
    assert read_image(turned(tmp_path), upright=True).shape == (12, 8, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_are_turned_upright_in_all_formats_that_have_them(tmp_path, suffix, orientation):
    corners = np.zeros((32, 48, 3), np.uint8)
    corners[:16, :24], corners[16:, :24], corners[:16, 24:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"turned.{suffix}"
    Image.fromarray(corners).save(file, exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB"))
    assert expected.shape == ((48, 32, 3) if orientation > 4 else (32, 48, 3))
    image = read_image(file, upright=True)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 4
    stored = read_image(file)
    assert stored.shape == corners.shape
    assert np.abs(stored.astype(int) - corners).mean() < 8


@pytest.mark.parametrize("kind", ["TGA", "ICO", "TIFF"])
def test_a_kind_that_cannot_be_decoded_is_told_from_a_damaged_file(tmp_path, kind):
    picture = Image.new("F" if kind == "TIFF" else "RGB", (64, 48))
    picture.save(tmp_path / "photo.img", kind)
    with pytest.raises(
        InputError, match=rf"photo\.img: a {kind} file of a kind that cannot be decoded; store"
    ):
        read_image(tmp_path / "photo.img")


def test_an_image_that_is_too_large_gets_advice_that_can_be_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("litepose.datasets.images.MAX_PIXELS", 95)
    cv2.imwrite(str(tmp_path / "large.png"), RED)
    with pytest.raises(InputError, match=r"million that are read; store a smaller image\.$"):
        read_image(tmp_path / "large.png", upright=True)


def test_damaged_exif_is_no_orientation(tmp_path):
    pixels = Image.fromarray(RED[..., ::-1])
    pixels.save(tmp_path / "odd.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x01")
    assert read_image(tmp_path / "odd.jpg", upright=True).shape == (8, 12, 3)
    assert read_header(tmp_path / "odd.jpg").orientation == 1


def test_a_header_is_read_without_the_pixels(tmp_path):
    assert read_header(turned(tmp_path)) == Header("JPEG", 12, 8, 6)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(InputError, match=r"empty\.jpg: the file is empty"):
        read_header(tmp_path / "empty.jpg")
    with pytest.raises(InputError, match=r"absent\.jpg: cannot be read"):
        read_header(tmp_path / "absent.jpg")


def test_a_single_pixel_can_be_read(tmp_path):
    cv2.imwrite(str(tmp_path / "dot.png"), RED[:1, :1])
    assert read_image(tmp_path / "dot.png").shape == (1, 1, 3)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_an_empty_or_broken_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.jpg"):
        read_image(tmp_path / "broken.jpg")


def jpeg(progressive=0, quality=90):
    noise = np.random.default_rng(0).integers(0, 255, (64, 900, 3), np.uint8)
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", noise, flags)[1].tobytes()


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_jpeg_that_is_cut_off_is_refused_by_name(tmp_path, progressive, share):
    whole = jpeg(progressive)
    (tmp_path / "cut.jpg").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"cut\.jpg"):
        read_image(tmp_path / "cut.jpg")


def test_a_jpeg_whose_end_was_never_written_is_refused_even_with_a_preview_inside(tmp_path):
    preview = b"\xff\xe1" + (len(PREVIEW) + 2).to_bytes(2, "big") + PREVIEW
    whole = jpeg()[:2] + preview + jpeg()[2:]
    (tmp_path / "whole.jpg").write_bytes(whole)
    assert read_image(tmp_path / "whole.jpg").shape == (64, 900, 3)
    half = len(whole) // 2
    (tmp_path / "holes.jpg").write_bytes(whole[:half] + bytes(len(whole) - half))
    with pytest.raises(InputError, match=r"holes\.jpg: the file is cut off or damaged"):
        read_image(tmp_path / "holes.jpg")


@pytest.mark.parametrize("progressive", [0, 1])
def test_what_follows_a_whole_jpeg_is_ignored(tmp_path, progressive):
    (tmp_path / "whole.jpg").write_bytes(jpeg(progressive))
    (tmp_path / "longer.jpg").write_bytes(jpeg(progressive) + b"\xff\xda and \0 more" * 9)
    assert np.array_equal(read_image(tmp_path / "longer.jpg"), read_image(tmp_path / "whole.jpg"))


def test_a_png_that_is_cut_off_is_refused_by_name(tmp_path):
    whole = cv2.imencode(".png", RED)[1].tobytes()
    (tmp_path / "cut.png").write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"cut\.png"):
        read_image(tmp_path / "cut.png")


def test_transparency_is_dropped(tmp_path):
    pixels = np.dstack([RED, np.zeros((8, 12), np.uint8)])
    cv2.imwrite(str(tmp_path / "clear.png"), pixels)
    assert read_image(tmp_path / "clear.png")[0, 0].tolist() == [255, 0, 0]


def test_an_image_with_too_many_pixels_is_refused_by_name(tmp_path):
    cv2.imwrite(str(tmp_path / "large.png"), RED)
    assert read_image(tmp_path / "large.png", max_pixels=96).shape == (8, 12, 3)
    with pytest.raises(InputError, match=r"large\.png: .* million pixels, more than.*raise max_pixels"):
        read_image(tmp_path / "large.png", max_pixels=95)


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_decoding(tmp_path, side, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("the pixels were decoded"))
    header = side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunk = b"IHDR" + header
    data = (
        b"\x89PNG\r\n\x1a\n" + len(header).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    )
    (tmp_path / "bomb.png").write_bytes(data + b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big"))
    with (
        pytest.raises(InputError, match=r"bomb\.png: .*pixels.*smaller"),
        warnings.catch_warnings(action="ignore"),
    ):
        read_image(tmp_path / "bomb.png")


def test_a_directory_in_place_of_an_image_is_refused_by_name(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(InputError, match=r"folder\.jpg: cannot be read"):
        read_image(tmp_path / "folder.jpg")


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"absent\.jpg"):
        read_image(tmp_path / "absent.jpg")
