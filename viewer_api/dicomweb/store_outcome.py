"""What became of the instances of a STOW-RS request, and how that is told (PS3.18 10.5.3, Annex I)."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import Error, Invalid, Unavailable
from storage.json_model import JsonModel
from storage.receipt import Outcome, Receipt
from viewer_api.dicomweb.addresses import instance_url

PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
OUT_OF_RESOURCES = 0xA700
OTHER_STUDY = 0xA900
CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True)
class Failure:
    """An instance that was not kept: why (PS3.18 Table I.2-2), and what it is, where that could be read."""

    reason: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


class Results:
    """Of all instances of a request, in the order in which they came."""

    def __init__(self) -> None:
        self._results: dict[int, Receipt | Failure] = {}
        self._away: Unavailable | None = None

    def kept(self, place: int, receipt: Receipt) -> None:
        """Instance number `place` is safe."""
        self._results[place] = receipt

    def failed(self, place: int, why: Error, sop_class_uid: str, sop_instance_uid: str) -> None:
        """Instance number `place` is not."""
        self._away = why if isinstance(why, Unavailable) else self._away
        self._results[place] = Failure(reason_of(why), sop_class_uid, sop_instance_uid)

    @property
    def receipts(self) -> list[Receipt]:
        """Of what was kept."""
        return [each for _, each in sorted(self._results.items()) if isinstance(each, Receipt)]

    @property
    def failures(self) -> list[Failure]:
        """Of what was not."""
        return [each for _, each in sorted(self._results.items()) if isinstance(each, Failure)]

    def require_store(self) -> None:
        """Raise `Unavailable` if nothing was kept and all of it may be tomorrow: a 409 would not be sent again."""
        reasons = {each.reason for each in self.failures}
        if self._away is not None and not self.receipts and reasons == {OUT_OF_RESOURCES}:
            raise self._away

    @property
    def status(self) -> int:
        """PS3.18 Table 10.5.3-1: all kept, some or with warnings, or none."""
        if self.failures and not self.receipts:
            return 409
        return 202 if self.failures or any(map(warning_of, self.receipts)) else 200

    def answer(self, base: str) -> JsonModel:
        """PS3.18 Table 10.5.3-2. The sequence of failures is there only if there are any."""
        answer: JsonModel = {}
        studies = {receipt.study_instance_uid for receipt in self.receipts}
        if len(studies) == 1:
            answer["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{min(studies)}"]}
        if self.failures:
            answer["00081198"] = {"vr": "SQ", "Value": [_failed(each) for each in self.failures]}
        if self.receipts:
            answer["00081199"] = {"vr": "SQ", "Value": [_kept(each, base) for each in self.receipts]}
        return answer


def reason_of(why: Error) -> int:
    """(0008,1197) FailureReason."""
    if isinstance(why, Unavailable):
        return OUT_OF_RESOURCES
    if isinstance(why, Invalid):
        return OTHER_STUDY if why.code == "OTHER_STUDY" else CANNOT_UNDERSTAND
    return PROCESSING_FAILURE


def warning_of(receipt: Receipt) -> int | None:
    """(0008,1196) WarningReason: it is safe, but what the address gives is what we had before."""
    return DUPLICATE_SOP_INSTANCE if receipt.outcome is Outcome.HELD_ASIDE else None


def _kept(receipt: Receipt, base: str) -> JsonModel:
    url = instance_url(
        base, receipt.study_instance_uid, receipt.series_instance_uid, receipt.sop_instance_uid
    )
    warning = warning_of(receipt)
    return {
        **_reference(receipt.sop_class_uid, receipt.sop_instance_uid),
        "00081190": {"vr": "UR", "Value": [url]},
        **({"00081196": {"vr": "US", "Value": [warning]}} if warning else {}),
    }


def _failed(failure: Failure) -> JsonModel:
    named = _reference(failure.sop_class_uid, failure.sop_instance_uid) if failure.sop_instance_uid else {}
    return {**named, "00081197": {"vr": "US", "Value": [failure.reason]}}


def _reference(sop_class_uid: str, sop_instance_uid: str) -> JsonModel:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [sop_instance_uid]},
    }
