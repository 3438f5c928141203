"""Generated DICOM studies worth looking at: the same day gives the same objects, byte for byte."""

from farlight.demo.studies.samples import pydicom_samples
from farlight.demo.studies.study import DemoStudy, demo_studies, write_instances, write_study

__all__ = ["DemoStudy", "demo_studies", "pydicom_samples", "write_instances", "write_study"]
