"""What the DICOM wire counts. Labels never carry a patient, a UID or an AE title."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

OPEN_ASSOCIATIONS = Gauge(
    "farlight_dicom_open_associations", "Connections to the DICOM port that are open now"
)
ASSOCIATIONS = Counter(
    "farlight_dicom_associations", "Connections to the DICOM port by how they ended", ["ended"]
)
INSTANCES = Counter(
    "farlight_dicom_instances", "C-STORE requests received by what became of them", ["outcome"]
)
RECEIVED_BYTES = Counter("farlight_dicom_received_bytes", "Bytes of the data sets that C-STORE brought")
DELIVERIES = Counter("farlight_dicom_deliveries", "Reports sent by C-STORE by outcome", ["outcome"])
TLS_FAILURES = Counter("farlight_dicom_tls_failures", "TLS handshakes on the DICOM port that failed")
