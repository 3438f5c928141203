"""The whole reading as people do it: found, read, rejected, reworked, signed, received; both languages and sizes."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from chest import send_ct
from person import SIZES, Screen, picture_pixels
from playwright.sync_api import Browser, expect
from running import Pacs, Program, wait_for

FINDINGS = {
    "zh": "右肺上叶见一枚实性结节,约 11 mm,边缘见短毛刺。余肺野清晰。",
    "en": "A solid nodule of about 11 mm with short spicules lies in the right upper lobe.",
}
IMPRESSION = {
    "zh": "右肺上叶结节,建议三个月后复查。",
    "en": "Nodule of the right upper lobe; follow-up in three months.",
}


def compare_with_the_server(screen: Screen, program: Program, study_uid: str) -> None:
    """What the canvas shows is what the server renders of the same frame with the same window."""
    shown = screen.wait_for_image("full")
    canvas = screen.pixels()
    left, top, width, height = (round(part) for part in shown["image_rect"])
    rows, columns = slice(max(top, 0), top + height), slice(max(left, 0), left + width)
    seen = canvas[rows, columns]
    center, window_width = shown["window"]
    url = (
        f"/sites/KASHI/dicom-web/studies/{study_uid}/series/{shown['series_instance_uid']}"
        f"/instances/{shown['sop_instance_uid']}/frames/{shown['frame_number']}/rendered"
    )
    answer = program.client("reader").get(
        url, params={"window": f"{center},{window_width},linear"}, headers={"accept": "image/png"}
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    expected = picture_pixels(answer.content, (width, height))[max(-top, 0) :, max(-left, 0) :]
    expected = expected[: seen.shape[0], : seen.shape[1]]
    assert expected.std() > 20, "the server's picture shows something"
    difference = np.abs(seen - expected)
    assert difference.mean() < 4, f"mean difference {difference.mean():.1f} grey levels"
    assert np.corrcoef(seen.ravel(), expected.ravel())[0, 1] > 0.98


def write_report(screen: Screen, language: str) -> None:
    """Fill the editor and see it saved."""
    screen.part("report")
    screen.find("field-findings").fill(FINDINGS[language])
    screen.find("field-impression").fill(IMPRESSION[language])
    screen.click("positivity-POSITIVE")
    expect(screen.find("save-state")).to_have_attribute("data-status", "saved", timeout=20_000)


@pytest.mark.browser
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_list_to_the_signed_report(
    browser: Browser,
    served: Program,
    screens: list[Screen],
    pictures: Path,
    tmp_path: Path,
    language: str,
    size: str,
) -> None:
    latin, hanzi = f"Reyhan^{language.title()}{size.title()}", {"zh": "热依汗", "en": "茹仙古丽"}[language]
    patient = hanzi if language == "zh" else latin.replace("^", " ")
    study_uid = send_ct(served, tmp_path / "ct", f"{latin}={hanzi}{size}")

    def screen_of(username: str) -> Screen:
        screen = Screen(browser, served.url, pictures, language, size)
        screens.append(screen)
        screen.sign_in(username)
        return screen

    reader = screen_of("reader")
    name = f"{hanzi}{size}" if language == "zh" else patient
    reader.wait_for_row(name)
    reader.see("1-worklist")
    reader.open_case(name)
    reader.wait_for_image("full")
    compare_with_the_server(reader, served, study_uid)
    reader.see("2-reading")
    reader.part("report")
    reader.click("command-claim")
    expect(reader.find("editor")).to_be_visible()
    if not reader.phone:
        reader.find("viewport").first.click()
        reader.page.keyboard.press("k")
        reader.page.keyboard.press("Escape")
    write_report(reader, language)
    if not reader.phone:
        expect(reader.find("key-image")).to_have_count(1)
    reader.see("3-writing")
    reader.click("command-submit-report")
    reader.click("submit-confirm")
    reader.expect_state("AWAITING_REVIEW")

    reviewer = screen_of("reviewer")
    reviewer.tab("review")
    reviewer.open_case(name)
    reviewer.wait_for_image("full")
    reviewer.part("report")
    reviewer.click("command-claim")
    expect(reviewer.find("field-findings")).to_have_value(FINDINGS[language])
    reviewer.click("command-reject")
    reviewer.find("reason-code").select_option("CONTENT")
    reviewer.find("reason-text").fill("?")
    reviewer.see("4-reject")
    reviewer.click("reason-give")
    expect(reviewer.find("reason-give")).to_have_count(0)

    # the author learns of it without doing anything
    reader.expect_state("QUEUED")
    expect(reader.find("sent-back").first).to_be_visible()
    reader.click("command-claim")
    write_report(reader, language)
    reader.click("command-submit-report")
    reader.click("submit-confirm")
    reader.expect_state("AWAITING_REVIEW")

    reviewer.page.goto(f"{served.url}/worklist?view=review")
    reviewer.open_case(name)
    reviewer.wait_for_image("full")
    reviewer.part("report")
    reviewer.click("command-claim")
    reviewer.click("command-sign")
    reviewer.find("sign-password").fill("not the password")
    reviewer.troubles, before = [], reviewer.troubles
    reviewer.click("sign-confirm")
    expect(reviewer.find("sign-error")).not_to_be_empty()
    assert any("403" in trouble for trouble in reviewer.troubles), "a wrong password is refused"
    reviewer.troubles = before
    reviewer.find("sign-password").fill("a-password-for-tests")
    reviewer.see("5-sign")
    reviewer.click("sign-confirm")
    reviewer.expect_state("REPORTED")
    reviewer.see("6-signed")

    pacs = Pacs(tmp_path / "pacs", served.pacs_port)
    try:
        wait_for("the documents at the PACS", lambda: len(pacs.files()) == 2)
    finally:
        pacs.stop()

    referrer = screen_of("referrer")
    referrer.tab("sent")
    referrer.open_case(name)
    referrer.expect_state("REPORTED")
    expect(referrer.find("text-findings")).to_contain_text(FINDINGS[language])
    expect(referrer.find("deliveries")).to_be_visible()
    referrer.see("7-referrer")
    href = referrer.find("open-pdf").get_attribute("href")
    pdf = served.client("referrer").get(href)
    assert pdf.content.startswith(b"%PDF")
