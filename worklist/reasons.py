"""Coded reasons (DICOM CID 9303 with its neighbours, and our own where the standard has none)."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import Invalid
from worklist.transitions import Command, Needs, Rule

_BACK = (Command.RETURN, Command.REJECT)
_END = (Command.CANCEL, Command.REQUEST_CANCEL)
_LEAVE = (Command.RELEASE, Command.TAKEOVER, Command.REFUSE_CANCEL)


@dataclass(frozen=True)
class Reason:
    """One row of the catalogue; `commands` are those for which it is offered."""

    code: str
    scheme: str
    meaning: str
    meaning_zh: str
    commands: tuple[Command, ...]
    text_required: bool = False


REASONS = (
    Reason("110523", "DCM", "Object set incomplete", "图像不全", (Command.RETURN,)),
    Reason("110531", "DCM", "Insufficient quality for interpretation", "图像质量差", (Command.RETURN,)),
    Reason(
        "110532", "DCM", "Interpretation requires specialist expertise", "需专科或上级会诊", (Command.RETURN,)
    ),
    Reason("110502", "DCM", "Incorrect procedure ordered", "检查项目不符", (Command.RETURN, *_END)),
    Reason("110510", "DCM", "Duplicate order", "重复申请", (Command.RETURN, *_END)),
    Reason(
        "110514",
        "DCM",
        "Incorrect worklist entry selected (wrong patient)",
        "患者错误",
        (Command.RETURN, *_END),
    ),
    Reason("110530", "DCM", "Workitem assignment rejected by assigned resource", "拒接", (Command.RETURN,)),
    Reason("HISTORY", "99FARLIGHT", "Clinical information missing", "病史不全", (Command.RETURN,)),
    Reason("CONSENT", "99FARLIGHT", "Consent missing", "缺知情同意", (Command.RETURN,)),
    Reason(
        "CONTENT",
        "99FARLIGHT",
        "Findings or impression to be reworked",
        "所见或诊断需修改",
        (Command.REJECT,),
        True,
    ),
    Reason("LATERALITY", "99FARLIGHT", "Left and right confused", "左右侧错误", (Command.REJECT,), True),
    Reason("110500", "DCM", "Doctor cancelled procedure", "医师取消", _END),
    Reason("110504", "DCM", "Patient died", "患者死亡", _END),
    Reason("110526", "DCM", "Resource pre-empted", "改派", (Command.TAKEOVER, Command.RELEASE)),
    Reason("110528", "DCM", "Rescheduled", "稍后再报", (Command.RELEASE,)),
    Reason("110513", "DCM", "Discontinued for unspecified reason", "其他", (*_BACK, *_END, *_LEAVE), True),
)
_BY_CODE = {reason.code: reason for reason in REASONS}


def check_reason(rule: Rule, code: str, text: str) -> None:
    """Raise `Invalid`, naming the field, unless the reason is as the rule wants it."""
    if rule.reason is Needs.NOTHING:
        return
    if not code and not text.strip():
        if rule.reason is Needs.OPTIONAL:
            return
        raise Invalid(
            f"{rule.command} needs a reason: reason_code or reason_text is empty", field="reason_code"
        )
    if rule.reason is Needs.CODED and not code:
        raise Invalid(f"{rule.command} needs a coded reason: reason_code is empty", field="reason_code")
    if code:
        _check_code(rule.command, code, text)


def _check_code(command: Command, code: str, text: str) -> None:
    reason = _BY_CODE.get(code)
    if reason is None or command not in reason.commands:
        offered = ", ".join(r.code for r in REASONS if command in r.commands)
        raise Invalid(f"reason_code {code!r} is none of those for {command}: {offered}", field="reason_code")
    if reason.text_required and not text.strip():
        raise Invalid(f"reason_code {code} needs words: reason_text is empty", field="reason_text")
