"""Objects that are no plain images, made for the tests: a series of three slices and what refers to them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import typst
from highdicom import ko, seg, sr
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import (
    MPEG4HP41,
    UID,
    ColorSoftcopyPresentationStateStorage,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    EncapsulatedSTLStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    HemodynamicWaveformStorage,
    VideoPhotographicImageStorage,
)

STUDY, SLICES, OTHERS = "2.25.700", "2.25.700.1", "2.25.700.2"
SIDE = 128
RED, BLUE = (230, 40, 40), (40, 60, 220)
STREAM = b"\0\0\0\x20ftypisom" + bytes(range(256)) * 9
CDA = '<?xml version="1.0" encoding="ISO-8859-1"?><ClinicalDocument><title>Gr\xf6\xdfe</title></ClinicalDocument>'
EVIL = "<script>alert(1)</script>"
WRITTEN = f"病灶 {EVIL} \u202e مەركەز"


def as_file(dataset: Dataset, transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def slice_(number: int) -> Dataset:
    """CT_small, 10 mm further on each time; 12 stored bits, from 128 to 2191."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SLICES
    dataset.SOPInstanceUID, dataset.InstanceNumber = slice_uid(number), number
    dataset.FrameOfReferenceUID, dataset.SpecificCharacterSet = "2.25.700.9", "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = "Somebody^Special=某^人", "SPECIAL"
    dataset.ImagePositionPatient = [-10.0, -10.0, 10.0 * number]
    return dataset


def slice_uid(number: int) -> str:
    return f"{SLICES}.{number}"


def of_study(sop_class_uid: UID, number: int, modality: str) -> Dataset:
    """What every other object of the study has."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, f"{OTHERS}.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{OTHERS}.{number}.0"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Somebody^Special=某^人", "SPECIAL", modality
    return dataset


def item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def image_reference(number: int) -> Dataset:
    return item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=slice_uid(number))


def cielab(rgb: tuple[int, int, int]) -> list[int]:
    """As PS3.3 C.10.7.1.1 writes a colour, by a colour management system, which gives 8 bits of each value.

    highdicom 0.28 takes D65 for white, not the D50 of the profile connection space.
    """
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.new("RGB", (1, 1), rgb), to_lab).tobytes()
    return [lab[0] * 257, *((byte - 256 + 128 if byte > 127 else byte + 128) * 257 for byte in lab[1:])]


def presentation_state(
    number: int = 1, sop_class: UID = GrayscaleSoftcopyPresentationStateStorage
) -> Dataset:
    """For slices 2 and 1, in that order: a window, and nothing else."""
    state = of_study(sop_class, 100 + number, "PR")
    images = [image_reference(2), image_reference(1)]
    state.ReferencedSeriesSequence = [item(SeriesInstanceUID=SLICES, ReferencedImageSequence=images)]
    state.SoftcopyVOILUTSequence = [item(WindowCenter="1100", WindowWidth="1600")]
    state.RescaleIntercept, state.RescaleSlope, state.RescaleType = "0", "1", "US"
    state.DisplayedAreaSelectionSequence = [
        item(
            DisplayedAreaTopLeftHandCorner=[1, 1],
            DisplayedAreaBottomRightHandCorner=[SIDE, SIDE],
            PresentationSizeMode="SCALE TO FIT",
            PresentationPixelAspectRatio=[1, 1],
        )
    ]
    state.PresentationLUTShape = "IDENTITY"
    return state


def colour_state() -> Dataset:
    state = presentation_state(2, ColorSoftcopyPresentationStateStorage)
    for keyword in (
        "SoftcopyVOILUTSequence",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "PresentationLUTShape",
    ):
        delattr(state, keyword)
    state.ImageHorizontalFlip, state.ImageRotation = "Y", 90
    return state


def segmentation(kind: str, number: int) -> Dataset:
    """Two segments on slices 1 to 3: a square of 40 pixels, red, and one of 20 beside it, blue."""
    masks = np.zeros((3, SIDE, SIDE, 2), np.uint8)
    masks[:, 20:60, 30:70, 0] = 1
    masks[1, 80:100, 90:110, 1] = 1
    fractional = kind == "FRACTIONAL"
    segments = [
        seg.SegmentDescription(
            index + 1,
            name,
            codes.SCT.Organ,
            codes.SCT.Liver,
            seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for index, name in enumerate(("large", "small"))
    ]
    made = seg.Segmentation(
        [slice_(n) for n in (1, 2, 3)],
        masks * np.float32(0.5) if fractional else masks,
        seg.SegmentationTypeValues[kind],
        segments,
        series_instance_uid=f"{OTHERS}.{number}.0",
        series_number=number,
        sop_instance_uid=f"{OTHERS}.{number}",
        instance_number=1,
        manufacturer="tests",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        max_fractional_value=200,
        omit_empty_frames=True,
    )
    coloured = [each for each in made.SegmentSequence if each.SegmentNumber > 0]
    for each, colour in zip(coloured, (RED, BLUE), strict=True):
        each.RecommendedDisplayCIELabValue = cielab(colour)
    return made


def moved_segmentation() -> Dataset:
    """It says that it was made from the slices, and lies 50 mm beside them."""
    made = segmentation("BINARY", 33)
    for group in made.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x + 50, y, z]
    return made


def unlinked_segmentation() -> Dataset:
    """It says where it lies, and of no frame from which image it was made."""
    made = segmentation("BINARY", 34)
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence
    return made


def video() -> bytes:
    """A stream in two fragments, of which nobody can tell frames apart."""
    dataset = of_study(VideoPhotographicImageStorage, 1, "XC")
    dataset.Rows = dataset.Columns = 64
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = (
        3,
        "YBR_PARTIAL_420",
        0,
    )
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.NumberOfFrames = 7, 0, 30
    icon = item(
        Rows=4, Columns=4, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", BitsAllocated=8
    )
    icon.BitsStored, icon.HighBit, icon.PixelRepresentation, icon.PixelData = 8, 7, 0, b"\xff" * 16
    dataset.IconImageSequence = [icon]
    dataset.PixelData = encapsulate([STREAM[:1000], STREAM[1000:]], has_bot=False)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    return as_file(dataset, MPEG4HP41)


def document(sop_class: UID, number: int, content: bytes, media_type: str) -> bytes:
    dataset = of_study(sop_class, number, "DOC")
    dataset.EncapsulatedDocument, dataset.MIMETypeOfEncapsulatedDocument = (
        content + b"\0" * (len(content) % 2),
        media_type,
    )
    dataset.EncapsulatedDocumentLength = len(content)
    return as_file(dataset)


def pdf() -> bytes:
    """A page that is red all over."""
    return typst.compile(b"#set page(width: 100pt, height: 200pt, fill: red)\n#hide[x]", format="pdf")


def pressures() -> bytes:
    """Two channels of 20 s that are no ECG: a rising line in mm[Hg], and one with a gap."""
    dataset = of_study(HemodynamicWaveformStorage, 8, "HD")
    count = 2000
    samples = np.stack([np.arange(count), np.where(np.arange(count) < 1000, 7, -32768)], axis=1).astype("<i2")
    channels = [
        item(
            ChannelSourceSequence=[item(CodeValue="1", CodingSchemeDesignator="99", CodeMeaning=name)],
            ChannelSensitivity="0.1",
            ChannelSensitivityUnitsSequence=[
                item(CodeValue="mm[Hg]", CodingSchemeDesignator="UCUM", CodeMeaning="mmHg")
            ],
            ChannelSensitivityCorrectionFactor="1",
            ChannelBaseline="5",
            WaveformBitsStored=16,
        )
        for name in ("Aorta", "Vena <cava>")
    ]
    group = item(
        NumberOfWaveformChannels=2,
        NumberOfWaveformSamples=count,
        SamplingFrequency="100",
        ChannelDefinitionSequence=channels,
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        WaveformPaddingValue=b"\x00\x80",
        WaveformData=samples.tobytes(),
    )
    dataset.WaveformSequence = [group]
    return as_file(dataset)


def code(value: str, meaning: str, scheme: str = "99TEST") -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def content(kind: str, name: Dataset | None = None, relation: str = "CONTAINS", **values: object) -> Dataset:
    made = item(RelationshipType=relation, ValueType=kind, **values)
    if name is not None:
        made.ConceptNameCodeSequence = [name]
    return made


def report() -> Dataset:
    """Every value type, a reference by place, text of three scripts and of ill will."""
    dataset = of_study(UID("1.2.840.10008.5.1.4.1.1.88.33"), 20, "SR")
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [code("18748-4", "Diagnostic imaging report", "LN")]
    dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag = (
        "PARTIAL",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    name = code("1", "Some thing")
    unit = code("mm", "millimeter", "UCUM")
    number = content(
        "NUM", name, MeasuredValueSequence=[item(NumericValue="12.5", MeasurementUnitsCodeSequence=[unit])]
    )
    state = item(
        ReferencedSOPClassUID=GrayscaleSoftcopyPresentationStateStorage,
        ReferencedSOPInstanceUID=f"{OTHERS}.101",
    )
    here, away = image_reference(2), image_reference(77)
    here.ReferencedSOPSequence = [state]
    inferred = content("IMAGE", None, "INFERRED FROM", ReferencedSOPSequence=[away])
    dataset.ContentSequence = [
        content(
            "PNAME",
            code("121008", "Person Observer Name", "DCM"),
            "HAS OBS CONTEXT",
            PersonName="Li^Na=李^娜",
        ),
        content(
            "CONTAINER",
            code("121070", "Findings", "DCM"),
            ContentSequence=[
                content("TEXT", name, TextValue=WRITTEN + "\r\nsecond line", ContentSequence=[inferred]),
                content("CODE", name, ConceptCodeSequence=[code("2", "A meaning")]),
                number,
                content(
                    "NUM",
                    name,
                    NumericValueQualifierCodeSequence=[code("114006", "Measurement failure", "DCM")],
                ),
            ],
        ),
        content("DATE", name, Date="20240103"),
        content("TIME", name, Time="120130.5"),
        content("DATETIME", name, DateTime="20240103120130+0800"),
        content("UIDREF", name, UID="2.25.4711"),
        content("IMAGE", name, ReferencedSOPSequence=[here]),
        content("SCOORD", name, GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 3.0, 4.0]),
        content("SCOORD3D", name, GraphicType="POINT", GraphicData=[1.5, 2.5, 3.5]),
        content("TCOORD", name, TemporalRangeType="SEGMENT", ReferencedTimeOffsets=["1.5", "2.5"]),
        item(RelationshipType="CONTAINS", ReferencedContentItemIdentifier=[1, 2, 3]),
    ]
    return dataset


def measurement_report() -> Dataset:
    """TID 1500 with two lesions, each with a diameter and an area."""
    image = slice_(2)
    groups = []
    for number, diameter in enumerate((12.5, 3.25), 1):
        source = sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID)
        region = sr.ImageRegion("CIRCLE", np.array([[40.0, 40.0], [50.0, 40.0]]), source)
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                sr.TrackingIdentifier(UID(f"2.25.70{number}"), f"lesion {number}"),
                referenced_region=region,
                finding_type=codes.SCT.Neoplasm,
                measurements=[
                    sr.Measurement(codes.SCT.Diameter, diameter, codes.UCUM.Millimeter),
                    sr.Measurement(codes.SCT.Area, diameter * 3, codes.UCUM.SquareMillimeter),
                ],
            )
        )
    observer = sr.PersonObserverIdentifyingAttributes("Li^Na")
    context = sr.ObservationContext(sr.ObserverContext(codes.DCM.Person, observer))
    made = sr.MeasurementReport(context, codes.LN.CTUnspecifiedBodyRegion, groups)
    return sr.Comprehensive3DSR(
        [image], made, f"{OTHERS}.21.0", 21, f"{OTHERS}.21", 1, manufacturer="tests", is_complete=True
    )


def key_objects() -> Dataset:
    images = [slice_(2), slice_(77)]
    selected = ko.KeyObjectSelection(codes.DCM.ForTeaching, images, description=EVIL)
    return ko.KeyObjectSelectionDocument(
        images, selected, f"{OTHERS}.22.0", 22, f"{OTHERS}.22", 1, manufacturer="tests"
    )


def special_files() -> dict[str, bytes]:
    files = {f"slice {n}": as_file(slice_(n)) for n in (1, 2, 3)}
    files |= {"state": as_file(presentation_state()), "colour state": as_file(colour_state())}
    files |= {
        "binary": as_file(segmentation("BINARY", 30)),
        "fractional": as_file(segmentation("FRACTIONAL", 31)),
        "labels": as_file(segmentation("LABELMAP", 32)),
        "moved": as_file(moved_segmentation()),
        "unlinked": as_file(unlinked_segmentation()),
        "video": video(),
        "pdf": document(EncapsulatedPDFStorage, 40, pdf(), "application/pdf"),
        "cda": document(EncapsulatedCDAStorage, 41, CDA.encode("latin-1"), "text/XML"),
        "stl": document(EncapsulatedSTLStorage, 42, b"solid x\nendsolid x\n", "model/stl"),
        "page": document(EncapsulatedPDFStorage, 43, EVIL.encode(), "text/html"),
        "broken pdf": document(EncapsulatedPDFStorage, 44, b"%PDF-1.7 nothing else", "application/pdf"),
        "pressures": pressures(),
        "report": as_file(report()),
        "measurements": as_file(measurement_report()),
        "key objects": as_file(key_objects()),
        "ecg": Path(get_testdata_file("waveform_ecg.dcm")).read_bytes(),
    }
    return files
