"""The other pages and the keys: a request by hand, an invitation, a late image, the viewer from the keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chest import SLICES, send_ct
from person import Screen
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from pydicom.uid import generate_uid
from running import Program, wait_for

pytestmark = pytest.mark.browser


def test_a_technician_asks_by_hand_where_nothing_opens_by_itself(
    browser: Browser, served: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(served, tmp_path / "ct", "Rozi^Hand=肉孜手工", "HOTAN_CT")
    screen = Screen(browser, served.url, pictures, "zh", "desk")
    screens.append(screen)
    screen.sign_in("hotan")
    screen.click("nav-studies")
    row = screen.find("study-row").filter(has_text="肉孜手工").first
    expect(row).to_be_visible()
    screen.see("studies")
    row.get_by_test_id("create-request").click()
    expect(screen.find("new-reader")).to_have_value("SRRSH")
    screen.see("new-request")
    screen.click("new-submit")
    expect(screen.find("request-state").first).to_have_attribute(
        "data-state", re.compile("QUEUED|WAITING_IMAGES")
    )
    reader = served.client("reader")
    rows = wait_for(
        "the request in the queue", lambda: [r for r in reader.queue() if "手工" in str(r["patient"])]
    )
    assert rows[0]["requester"]["site"] == "HOTAN"


def test_an_invited_person_sets_a_password_and_is_in(
    browser: Browser, served: Program, screens: list[Screen], pictures: Path
) -> None:
    said = served.farlight(
        "user", "add", "invited", "--name", "Invited", "--role", "SRRSH:report_doctor"
    ).stdout
    screen = Screen(browser, served.url, pictures, "en", "desk")
    screens.append(screen)
    screen.page.goto(served.url + said.split()[-1])
    fields = screen.page.locator("input[type=password]")
    for index in range(fields.count()):
        fields.nth(index).fill("chosen in the browser")
    screen.see("invitation")
    screen.page.keyboard.press("Enter")
    expect(fields.first).to_have_count(1)  # the sign-in form's own, or none: the invitation's are gone
    screen.sign_in("invited", "chosen in the browser")
    expect(screen.find("worklist").or_(screen.find("empty")).first).to_be_visible()


def test_the_viewer_and_the_editor_from_the_keyboard(
    browser: Browser, served: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(served, tmp_path / "ct", "Keyboard^Only=键盘")
    screen = Screen(browser, served.url, pictures, "en", "desk")
    screens.append(screen)
    screen.sign_in("reader")
    screen.wait_for_row("Keyboard Only")
    screen.page.keyboard.press("/")
    screen.page.keyboard.type("keyboard")
    expect(screen.find("worklist-row")).to_have_count(1)
    screen.page.keyboard.press("Enter")
    screen.page.keyboard.press("j")
    screen.page.keyboard.press("Enter")
    screen.wait_for_image("full")
    screen.page.wait_for_function(f"() => window.farlight.viewport().loaded === {SLICES}")

    for key in ("ArrowDown", "Home"):
        before = screen.viewport()["sop_instance_uid"]
        screen.page.keyboard.press(key)
        screen.page.wait_for_function(
            "uid => window.farlight.viewport().sop_instance_uid !== uid", arg=before
        )
        screen.wait_for_image("full")
    windows = []
    for key in ("1", "2", "3"):
        before = screen.viewport()["window"]
        screen.page.keyboard.press(key)
        screen.page.wait_for_function(
            "window_ => String(window.farlight.viewport().window) !== String(window_)", arg=before
        )
        windows.append(tuple(screen.viewport()["window"]))
    assert len(set(windows)) == 3, f"presets change the window: {windows}"
    screen.page.keyboard.press("i")
    screen.page.wait_for_function("() => window.farlight.viewport().invert === true")
    screen.page.keyboard.press("i")

    screen.click("command-claim")
    field = screen.find("field-findings")
    expect(field).to_be_visible()
    field.click()
    shown = screen.viewport()["window"]
    screen.page.keyboard.type("1 i 2 k: letters in the editor are letters")
    assert screen.viewport()["window"] == shown
    assert screen.find("key-image").count() == 0


def test_a_late_image_is_announced_before_anything_is_submitted(
    browser: Browser, served: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(served, tmp_path / "ct", "Late^Image=晚到")
    screen = Screen(browser, served.url, pictures, "zh", "desk")
    screens.append(screen)
    screen.sign_in("reader")
    screen.open_case("晚到")
    screen.click("command-claim")
    expect(screen.find("editor")).to_be_visible()
    late = dcmread(next((tmp_path / "ct").iterdir()))
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    late.save_as(tmp_path / "late.dcm")
    served.dcmtk("storescu", str(tmp_path / "late.dcm"))
    expect(screen.find("late-images")).to_be_visible(timeout=15_000)
    screen.see("late")
    screen.click("acknowledge-images")
    expect(screen.find("late-images")).to_have_count(0)


def test_a_case_is_sent_back_and_comes_again(
    browser: Browser, served: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(served, tmp_path / "ct", "Sent^Back=退回病例")
    reader = Screen(browser, served.url, pictures, "zh", "desk")
    screens.append(reader)
    reader.sign_in("reader")
    reader.open_case("退回病例")
    reader.wait_for_image("full")
    reader.click("command-claim")
    expect(reader.find("editor")).to_be_visible()
    reader.click("command-return")
    reader.find("reason-code").select_option("110523")
    reader.click("reason-give")
    expect(reader.find("reason-give")).to_have_count(0)
    reader.page.wait_for_timeout(1500)
    reader.see("returned-reader")

    technician = Screen(browser, served.url, pictures, "zh", "desk")
    screens.append(technician)
    technician.sign_in("technician")
    technician.tab("returned")
    technician.open_case("退回病例")
    technician.expect_state("RETURNED")
    expect(technician.find("sent-back").first).to_be_visible()
    technician.see("returned-technician")
    technician.click("command-submit")
    technician.expect_state("QUEUED")
