"""The links, a refused device adopted, and how complete a study is, as a hospital's people see them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chest import SLICES, send_ct
from link_past import write_past
from person import Screen
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from running import Program, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lived(served: Program) -> Program:
    """The program with three weeks behind it."""
    archive = served.place.open()
    write_past(archive, datetime.now(UTC))
    archive.close()
    return served


@pytest.mark.parametrize(("language", "size"), [("zh", "desk"), ("en", "phone")])
def test_the_board_shows_first_what_needs_somebody(
    browser: Browser, lived: Program, screens: list[Screen], pictures: Path, language: str, size: str
) -> None:
    screen = Screen(browser, lived.url, pictures, language, size)
    screens.append(screen)
    screen.sign_in("ops")
    screen.click("nav-links")
    rows = screen.find("link-row")
    expect(rows).to_have_count(4)
    screen.see("board")
    expect(rows.nth(0)).to_have_attribute("data-node", "KASHI_CT2")
    expect(rows.nth(0)).to_have_attribute("data-state", "SILENT")
    expect(rows.nth(1)).to_have_attribute("data-state", "TROUBLE")
    expect(rows.nth(1)).to_contain_text("暂时无法保存" if language == "zh" else "Could not be kept")
    expect(rows.nth(2)).to_have_attribute("data-state", "NEVER")
    unsent = screen.find("commitment-row")
    expect(unsent).to_have_count(1)
    expect(unsent).to_contain_text("一周内自动重试" if language == "zh" else "tried again for a week")
    wide = "() => document.documentElement.scrollWidth <= innerWidth"
    assert screen.page.evaluate(wide), "nothing sticks out at the side"
    expect(screen.find("links-aside")).to_have_count(0)  # who runs the platform sees no patients
    screen.sign_out()
    screen.sign_in("technician")
    screen.click("nav-links")
    expect(screen.find("link-row")).to_have_count(2)
    expect(screen.find("links-refused")).to_have_count(0)


def test_a_refused_device_is_adopted_and_let_in(
    browser: Browser, lived: Program, screens: list[Screen], pictures: Path
) -> None:
    assert lived.dcmtk("echoscu", "-aet", "BRAND_NEW", check=False).returncode != 0
    wait_for("the refusal to be listed", lambda: "BRAND_NEW" in lived.farlight("network", "show").stdout)
    screen = Screen(browser, lived.url, pictures, "en", "desk")
    screens.append(screen)
    screen.sign_in("admin")
    screen.click("nav-links")
    screen.click("links-refused")
    row = screen.find("refused-row").filter(has_text="BRAND_NEW")
    expect(row).to_have_count(1)
    screen.see("refused")
    row.get_by_test_id("adopt").click()
    expect(screen.find("adopt-site")).to_have_value("KASHI")
    screen.see("adopt")
    screen.click("adopt-confirm")
    expect(row).to_have_count(0)
    lived.dcmtk("echoscu", "-aet", "BRAND_NEW")


def test_n_of_m_is_declared_and_seen_in_the_lists_and_over_the_images(
    browser: Browser, lived: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(lived, tmp_path / "ct", "Count^All=数图", "AKSU_CT")  # an emergency: read with what is there
    screen = Screen(browser, lived.url, pictures, "zh", "desk")
    screens.append(screen)
    screen.sign_in("aksu")
    screen.click("nav-studies")
    row = screen.find("study-row").filter(has_text="数图").first
    count = row.get_by_test_id("image-count")
    expect(count).to_have_attribute("data-count", re.compile("UNKNOWN|MAY_BE_INCOMPLETE"), timeout=20_000)
    expect(count).to_contain_text("?")
    row.get_by_test_id("declare").click()
    screen.find("declare-number").fill(str(SLICES + 4))
    screen.see("declare")
    screen.click("declare-give")
    expect(count).to_have_attribute("data-count", "INCOMPLETE")
    expect(row).to_contain_text("缺 4 幅")
    screen.see("studies")

    reader = Screen(browser, lived.url, pictures, "zh", "desk")
    screens.append(reader)
    reader.sign_in("reader")
    reader.wait_for_row("数图")
    listed = reader.find("worklist-row").filter(has_text="数图").get_by_test_id("image-count").first
    expect(listed).to_have_attribute("data-count", "INCOMPLETE")
    reader.see("worklist")
    reader.open_case("数图")
    head = reader.find("identity-images").first
    expect(head).to_have_text(f"{SLICES}/{SLICES + 4} 幅，缺 4 幅")
    reader.see("reading")

    row.get_by_test_id("declare").click()
    screen.find("declare-number").fill(str(SLICES))
    screen.click("declare-give")
    expect(count).to_have_attribute("data-count", "COMPLETE")
    expect(head).to_have_attribute("data-count", "COMPLETE", timeout=10_000)


def test_what_was_held_aside_is_explained(
    browser: Browser, lived: Program, screens: list[Screen], pictures: Path, tmp_path: Path
) -> None:
    send_ct(lived, tmp_path / "ct", "Other^Patient=别人")
    image = dcmread(next((tmp_path / "ct").iterdir()))
    image.PatientID, image.SOPInstanceUID = "ANOTHER", f"{image.SOPInstanceUID[:50]}.1"
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.save_as(tmp_path / "other.dcm")
    lived.dcmtk("storescu", str(tmp_path / "other.dcm"), check=False)
    screen = Screen(browser, lived.url, pictures, "en", "phone")
    screens.append(screen)
    screen.sign_in("technician")
    screen.click("nav-links")
    screen.click("links-aside")
    kind = screen.find("aside-kind").first
    expect(kind).to_have_attribute("data-kind", "OTHER_PATIENT")
    expect(kind).to_contain_text("new study UID")
    expect(kind.get_by_test_id("aside-row")).to_have_count(1)
    screen.see("aside")
