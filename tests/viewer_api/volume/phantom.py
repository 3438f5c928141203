"""Series whose every voxel is a known function of its place in the patient."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless

from storage.archive import Archive
from storage.ingest import Sender, ingest_file

GRADIENT = np.array([3.0, -2.0, 1.5])
"""Modality units per mm along x, y, z."""


def linear(points: np.ndarray) -> np.ndarray:
    """What trilinear interpolation must give back exactly."""
    return points @ GRADIENT + 40.0


def rotation(x: float = 0.0, z: float = 0.0) -> np.ndarray:
    """Degrees about the patient's x and z axes; columns are where the axes go."""
    a, c = np.radians([x, z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_x


@dataclass(frozen=True)
class Phantom:
    """A CT series. `depths` are mm along the slices' normal; `tilt` says by how much each mm of depth moves a slice
    along its columns; `values` gives modality values of points in the patient."""

    name: str
    depths: Sequence[float] = tuple(np.arange(24) * 2.0)
    shape: tuple[int, int] = (30, 40)
    spacing: tuple[float, float] = (0.9, 0.7)
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))
    origin: tuple[float, float, float] = (-14.0, -130.0, -60.0)
    tilt: float = 0.0
    values: Callable[[np.ndarray], np.ndarray] = linear
    rescale: tuple[float, float] = (0.125, -1024.0)
    attributes: dict[str, object] = field(default_factory=dict)

    @property
    def study(self) -> str:
        return f"2.25.{int.from_bytes(self.name.encode(), 'big') % 10**20}"

    @property
    def url(self) -> str:
        return f"/studies/{self.study}/series/{self.study}.1"

    def position(self, depth: float) -> np.ndarray:
        """Of a slice's first pixel."""
        return np.array(self.origin) + self.axes @ np.array([0.0, self.tilt * depth, depth])

    def points(self, depth: float) -> np.ndarray:
        """`(rows, columns, 3)`."""
        rows, columns = self.shape
        down = np.arange(rows)[:, np.newaxis, np.newaxis] * self.spacing[0] * self.axes[:, 1]
        return (
            self.position(depth)
            + down
            + np.arange(columns)[:, np.newaxis] * self.spacing[1] * self.axes[:, 0]
        )

    def stored(self, depth: float) -> np.ndarray:
        """What stands in the file."""
        slope, intercept = self.rescale
        return np.rint((self.values(self.points(depth)) - intercept) / slope).astype(np.int16)

    def slices(self) -> list[Dataset]:
        """One data set a slice, in the order of `depths`."""
        return [self._slice(number, depth) for number, depth in enumerate(self.depths, 1)]

    def _slice(self, number: int, depth: float) -> Dataset:
        dataset = _image(self, CTImageStorage, f"{self.study}.1.{number}", self.stored(depth))
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = _decimals(self.position(depth))
        dataset.ImageOrientationPatient = _decimals(self.axes[:, :2].T.ravel())
        dataset.PixelSpacing = list(self.spacing)
        dataset.RescaleSlope, dataset.RescaleIntercept = self.rescale
        dataset.WindowCenter, dataset.WindowWidth = 100, 900
        return dataset

    def enhanced(self) -> Dataset:
        """The same as one multi-frame instance, what is shared in the shared groups."""
        stored = np.stack([self.stored(depth) for depth in self.depths])
        dataset = _image(self, EnhancedCTImageStorage, f"{self.study}.1.1", stored)
        dataset.NumberOfFrames = len(stored)
        dataset.InstanceNumber = 1
        shared = Dataset()
        shared.PlaneOrientationSequence = [
            _item(ImageOrientationPatient=_decimals(self.axes[:, :2].T.ravel()))
        ]
        shared.PixelMeasuresSequence = [_item(PixelSpacing=list(self.spacing))]
        shared.PixelValueTransformationSequence = [
            _item(RescaleSlope=self.rescale[0], RescaleIntercept=self.rescale[1], RescaleType="HU")
        ]
        shared.FrameVOILUTSequence = [_item(WindowCenter=100, WindowWidth=900)]
        dataset.SharedFunctionalGroupsSequence = [shared]
        dataset.PerFrameFunctionalGroupsSequence = [
            _item(PlanePositionSequence=[_item(ImagePositionPatient=_decimals(self.position(depth)))])
            for depth in self.depths
        ]
        return dataset


def _image(phantom: Phantom, sop_class: str, uid: str, stored: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = phantom.study, f"{phantom.study}.1"
    dataset.FrameOfReferenceUID = f"{phantom.study}.2"
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", "P1", "Phantom^Known"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = phantom.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = stored.astype("<i2").tobytes()
    for keyword, value in phantom.attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _decimals(values: np.ndarray) -> list[str]:
    return [f"{each:.9f}"[:16] for each in values]


def ingest(archive: Archive, datasets: Sequence[Dataset], site: str = "KASHI") -> None:
    """As a device of a hospital would send them."""
    for dataset in datasets:
        ingest_file(archive, as_file(dataset), Sender(site, "TEST"))


def jpeg_ls(dataset: Dataset) -> Dataset:
    """The same image, its frames compressed without loss."""
    words = np.frombuffer(dataset.PixelData, "<i2").view(np.uint16).reshape(-1, dataset.Rows, dataset.Columns)
    dataset.PixelData = encapsulate([imagecodecs.jpegls_encode(np.ascontiguousarray(each)) for each in words])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    return dataset


def as_file(dataset: Dataset) -> bytes:
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
