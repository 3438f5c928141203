"""The bytes of a stored instance for receivers that take it as it is, and for those that do not."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate_extended, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from dicom_node.outgoing import UNCOMPRESSED, Outgoing, data_set, encodings, usable_context
from dicom_node.services import Context
from storage.archive import Archive
from storage.errors import Corrupt, Invalid
from storage.ingest import Sender, ingest_file
from storage.part10 import file_header, inspect_file
from storage.retrieve import StoredInstance, instances
from storage.tables import instance

MPEG4 = "1.2.840.10008.1.2.4.102"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
PIXELS = frozenset({0x7FE00010, 0x00280004, 0x00280006})


@pytest.fixture
def keep(archive: Archive) -> Callable[[bytes], Outgoing]:
    """Takes a file in and tells where its bytes lie."""

    def take(data: bytes) -> Outgoing:
        ingest_file(archive, data, Sender("KASHI", "test"))
        with archive.database.read() as connection:
            return outgoing(instances(connection)[-1])

    return take


def outgoing(found: StoredInstance) -> Outgoing:
    return Outgoing(**{name: getattr(found, name) for name in Outgoing.__dataclass_fields__})


@pytest.fixture
def sent(archive: Archive) -> Callable[[Outgoing, str], bytes]:
    """The data set in a transfer syntax, as it would go out."""

    def take(found: Outgoing, transfer_syntax_uid: str) -> bytes:
        with data_set(archive, found, transfer_syntax_uid) as pieces:
            return b"".join(pieces)

    return take


def file_of(name: str) -> bytes:
    path = get_testdata_file(name)
    assert path is not None, f"{name} is not among pydicom's test files"
    return Path(path).read_bytes()


def identified(data: bytes) -> bytes:
    """The same with the identifiers that some of the test files lack."""
    dataset = dcmread(BytesIO(data))
    if "StudyInstanceUID" in dataset:
        return data
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    out = BytesIO()
    dcmwrite(out, dataset)
    return out.getvalue()


def as_file(found: Outgoing, transfer_syntax_uid: str, data: bytes) -> Dataset:
    head = file_header(found.sop_class_uid, found.sop_instance_uid, transfer_syntax_uid)
    return dcmread(BytesIO(head + data))


def plain_values(dataset: Dataset) -> dict[int, Any]:
    """Everything but the pixels, as it reads; group lengths and padding may go."""
    return {
        element.tag: element.value
        for element in dataset.iterall()
        if element.tag not in PIXELS
        and element.tag.element
        and element.VR != "SQ"
        and element.tag != 0xFFFCFFFC
    }


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "JPEG2000.dcm", "image_dfl.dcm", "ExplVR_BigEnd.dcm", "rtplan.dcm"]
)
def test_who_takes_it_as_it_is_gets_the_bytes_that_came(name: str, keep: Callable, sent: Callable) -> None:
    data = file_of(name)
    found = keep(data)
    assert sent(found, found.transfer_syntax_uid) == data[inspect_file(data).dataset_offset :]


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "image_dfl.dcm",
        "ExplVR_BigEnd.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "SC_rgb_32bit.dcm",
        "rtdose_expb.dcm",
        "liver_expb_1frame.dcm",
        "rtplan.dcm",
        "test-SR.dcm",
    ],
)
@pytest.mark.parametrize("target", UNCOMPRESSED, ids=lambda uid: UID(uid).keyword)
def test_any_uncompressed_encoding_says_the_same(
    name: str, target: str, keep: Callable, sent: Callable
) -> None:
    original = dcmread(BytesIO(file_of(name)))
    found = keep(file_of(name))
    again = as_file(found, target, sent(found, target))
    assert plain_values(again) == plain_values(original)
    if "PixelData" in original:
        assert np.array_equal(again.pixel_array, original.pixel_array)


@pytest.mark.parametrize(
    "name",
    [
        "JPEG-LL.dcm",  # lossless, 16 bits
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "MR_small_jpeg_ls_lossless.dcm",  # signed
        "MR_small_jp2klossless.dcm",  # signed
        "J2K_pixelrep_mismatch.dcm",  # unsigned in the codestream, signed in the header
        "emri_small_jpeg_2k_lossless.dcm",  # ten frames
        "emri_small_RLE.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
        "rtdose_rle.dcm",  # 32 bits
        "693_J2KR.dcm",
        "SC_rgb_gdcm_KY.dcm",  # RCT
        "SC_jpeg_no_color_transform.dcm",  # RGB in JPEG
    ],
)
def test_a_receiver_without_the_codec_gets_the_same_pixels(name: str, keep: Callable, sent: Callable) -> None:
    data = identified(file_of(name))
    original = dcmread(BytesIO(data))
    found = keep(data)
    again = as_file(found, str(ExplicitVRLittleEndian), sent(found, str(ExplicitVRLittleEndian)))
    assert np.array_equal(again.pixel_array, original.pixel_array)
    assert plain_values(again) == plain_values(original)
    assert again.SOPInstanceUID == original.SOPInstanceUID
    assert ("OW" if original.BitsAllocated > 8 else "OB") == again["PixelData"].VR
    assert again.get("PlanarConfiguration", 0) == 0


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "examples_ybr_color.dcm"]
)
def test_lossy_colour_becomes_rgb_and_says_so(name: str, keep: Callable, sent: Callable) -> None:
    original = dcmread(BytesIO(file_of(name)))
    found = keep(file_of(name))
    again = as_file(found, str(ExplicitVRLittleEndian), sent(found, str(ExplicitVRLittleEndian)))
    assert again.PhotometricInterpretation == "RGB"
    assert again.get("LossyImageCompression") == original.get("LossyImageCompression")
    difference = np.abs(again.pixel_array.astype(int) - original.pixel_array.astype(int))
    assert difference.max() <= 3, "more than decoders differ by"


def test_twelve_bits_of_lossy_jpeg(keep: Callable, sent: Callable, tmp_path: Path, dcmtk: Callable) -> None:
    source, reference = tmp_path / "jpeg.dcm", tmp_path / "reference.dcm"
    source.write_bytes(file_of("JPGExtended.dcm"))
    assert dcmtk("dcmdjpeg", source, reference).code == 0
    found = keep(source.read_bytes())
    again = as_file(found, str(ExplicitVRLittleEndian), sent(found, str(ExplicitVRLittleEndian)))
    difference = np.abs(again.pixel_array.astype(int) - dcmread(reference).pixel_array.astype(int))
    assert difference.max() <= 1


def test_offset_tables_of_the_compressed_form_do_not_stay(keep: Callable, sent: Callable) -> None:
    dataset = dcmread(BytesIO(file_of("emri_small_RLE.dcm")))
    pixels, offsets, lengths = encapsulate_extended(
        list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames)))
    )
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = (
        pixels,
        offsets,
        lengths,
    )
    dataset["PixelData"].is_undefined_length = True
    out = BytesIO()
    dcmwrite(out, dataset)
    found = keep(out.getvalue())
    again = as_file(found, str(ImplicitVRLittleEndian), sent(found, str(ImplicitVRLittleEndian)))
    assert "ExtendedOffsetTable" not in again
    assert "ExtendedOffsetTableLengths" not in again
    assert np.array_equal(again.pixel_array, dcmread(BytesIO(file_of("emri_small.dcm"))).pixel_array)


def test_texts_that_do_not_decode_stay_byte_for_byte(keep: Callable, sent: Callable) -> None:
    """GB18030 under a declaration that says UTF-8: common, and no reason to destroy a name on the way."""
    name = "王小东".encode("gb18030")
    dataset = dcmread(BytesIO(file_of("CT_small.dcm")))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "X" * len(name)
    dataset.RequestAttributesSequence = Sequence([Dataset()])
    dataset.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Y" * len(name)
    out = BytesIO()
    dcmwrite(out, dataset)
    data = out.getvalue().replace(b"X" * len(name), name).replace(b"Y" * len(name), name)
    found = keep(data)
    assert sent(found, str(ImplicitVRLittleEndian)).count(name) == 2


def test_what_the_dictionary_leaves_open_follows_the_pixels(keep: Callable, sent: Callable) -> None:
    dataset = dcmread(BytesIO(file_of("MR_small_implicit.dcm")))
    assert dataset.PixelRepresentation == 1
    dataset.SmallestImagePixelValue = -5
    dataset.add_new(0x00091001, "UN", b"\1\2\3\4")  # private, of nobody we know
    dataset.add_new(0x00090010, "LO", "SOMEBODY")
    out = BytesIO()
    dcmwrite(out, dataset, implicit_vr=True, little_endian=True)
    found = keep(out.getvalue())
    again = as_file(found, str(ExplicitVRLittleEndian), sent(found, str(ExplicitVRLittleEndian)))
    assert (again["SmallestImagePixelValue"].VR, again.SmallestImagePixelValue) == ("SS", -5)
    assert again["PixelData"].VR == "OW"
    assert again.get_item(0x00091001).VR == "UN"
    assert again[0x00091001].value == b"\1\2\3\4"


def test_a_value_too_long_for_its_vr_survives(keep: Callable, sent: Callable) -> None:
    dataset = dcmread(BytesIO(file_of("CT_small.dcm")))
    dataset.ContourData = [f"{number}.25" for number in range(12000)]
    out = BytesIO()
    dcmwrite(out, dataset, implicit_vr=True, little_endian=True, force_encoding=True)
    head = file_header(dataset.SOPClassUID, dataset.SOPInstanceUID, str(ImplicitVRLittleEndian))
    data = out.getvalue()
    found = keep(head + data[inspect_file(data).dataset_offset :])
    explicit = sent(found, str(ExplicitVRLittleEndian))
    at = explicit.find(struct.pack("<HH", 0x3006, 0x0050))
    assert explicit[at + 4 : at + 6] == b"UN"
    assert as_file(found, str(ExplicitVRLittleEndian), explicit)[0x30060050].value[:3] in (
        b"0.2",
        [0.25, 1.25, 2.25],
    )


def test_a_broken_frame_is_known_before_anything_is_sent(archive: Archive, keep: Callable) -> None:
    data = bytearray(file_of("MR_small_jpeg_ls_lossless.dcm"))
    start = data.find(b"\xff\xd8\xff\xf7")
    data[start + 5 : start + 9] = b"\xff\xff\xff\xff"  # 65535 x 65535
    found = keep(bytes(data))
    with (
        pytest.raises(Invalid, match="the compressed frame holds"),
        data_set(archive, found, str(ExplicitVRLittleEndian)),
    ):
        pytest.fail("it was given out")


def test_a_blob_that_is_gone_is_known_before_anything_is_sent(archive: Archive, keep: Callable) -> None:
    found = keep(file_of("CT_small.dcm"))
    archive.blobs.delete(found.blob_key)
    for syntax in (found.transfer_syntax_uid, str(ImplicitVRLittleEndian)):
        with pytest.raises(Corrupt, match="missing"), data_set(archive, found, syntax):
            pytest.fail("it was given out")


def test_a_blob_that_is_cut_short_is_known_before_anything_is_sent(archive: Archive, keep: Callable) -> None:
    found = keep(file_of("CT_small.dcm"))
    whole = archive.blobs.read(found.blob_key)
    archive.blobs.delete(found.blob_key)
    archive.blobs.put(found.blob_key, [whole[:-100]])
    for syntax in (found.transfer_syntax_uid, str(ImplicitVRLittleEndian)):
        with pytest.raises(Corrupt), data_set(archive, found, syntax):
            pytest.fail("it was given out")


@pytest.mark.parametrize(
    "name", ["MR_small_implicit.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "test-SR.dcm"]
)
def test_whatever_was_damaged_goes_out_or_says_why(name: str, archive: Archive, sent: Callable) -> None:
    """Each seed is one damaged file; what `ingest` takes in must not surprise on its way out."""
    original = file_of(name)
    uid_of_all = str(dcmread(BytesIO(original)).SOPInstanceUID).encode()
    taken, given = 0, 0
    for seed in range(60):
        named = original.replace(uid_of_all, uid_of_all[:-3] + b"%03d" % seed)
        damaged = damage(named, Random(f"{name} {seed}"))
        try:
            uid = ingest_file(archive, damaged, Sender("KASHI", "test")).sop_instance_uid
        except Invalid:
            continue
        with archive.database.read() as connection:
            found = outgoing(instances(connection, instance.c.sop_instance_uid == uid)[0])
        taken += 1
        for syntax in encodings(found.transfer_syntax_uid):
            with suppress(Invalid):
                given += len(sent(found, syntax)) > 0
    assert taken > 5
    assert given > taken


def damage(data: bytes, random: Random) -> bytes:
    """A few bytes changed, left out or added behind the preamble; often in the header."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, 4)):
        end = len(damaged) if random.random() < 0.3 else min(len(damaged), 4000)
        at = random.randrange(400, end)
        kind = random.random()
        if kind < 0.7:
            damaged[at] = random.randrange(256)
        elif kind < 0.85:
            del damaged[at : at + random.randint(1, 8)]
        else:
            damaged[at:at] = random.randbytes(random.randint(1, 8))
    return bytes(damaged)


def test_what_has_no_codec_goes_out_as_it_is_only() -> None:
    assert encodings(MPEG4) == (MPEG4,)
    assert encodings("1.2.3.4.5.6") == ("1.2.3.4.5.6",)
    assert encodings(str(RLELossless)) == (str(RLELossless), *UNCOMPRESSED)


def test_the_context_of_the_stored_syntax_comes_first() -> None:
    found = Outgoing(CT, "1.2.3", str(RLELossless), 1, "", 0, 0, 0)
    offered = [
        Context(1, MR, str(RLELossless)),
        Context(3, CT, str(ImplicitVRLittleEndian)),
        Context(5, CT, str(ExplicitVRLittleEndian)),
        Context(7, CT, MPEG4),
        Context(9, CT, str(RLELossless)),
    ]
    chosen = [usable_context(offered[:end], found) for end in range(len(offered) + 1)]
    assert [context.id if context else None for context in chosen] == [None, None, 3, 5, 5, 9]


def test_deflated_and_big_endian_are_what_they_say(keep: Callable, sent: Callable) -> None:
    found = keep(file_of("CT_small.dcm"))
    assert len(sent(found, str(DeflatedExplicitVRLittleEndian))) < len(
        sent(found, str(ImplicitVRLittleEndian))
    )
    assert sent(found, str(ExplicitVRBigEndian))[:6] == b"\0\x08\0\x05CS"
