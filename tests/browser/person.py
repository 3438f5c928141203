"""A person in front of a screen, in words of the page: signs in, opens a case, reads, writes, signs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect
from running import PASSWORD

SIZES = {"desk": (1920, 1080), "phone": (390, 844)}


class Screen:
    """One browser window of one person, in a language and a size."""

    def __init__(self, browser: Browser, url: str, pictures: Path, language: str, size: str) -> None:
        width, height = SIZES[size]
        self.phone = size == "phone"
        self.url, self.pictures, self.language = url, pictures, language
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN" if language == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            has_touch=self.phone,
            is_mobile=self.phone,
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.troubles: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "401" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        # before anybody signed in, asking who one is answers 401: that is the question's point
        if response.status >= 400 and not response.url.endswith(("/api/me", "/api/session")):
            self.troubles.append(f"{response.status}: {response.url}")

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # the page itself gave up what is scrolled past
            self.troubles.append(f"failed: {request.url} {request.failure}")

    def close(self) -> None:
        self.context.close()

    def see(self, name: str) -> None:
        """Keep a picture of the screen."""
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def find(self, testid: str) -> Any:
        return self.page.get_by_test_id(testid)

    def click(self, testid: str) -> None:
        self.find(testid).first.click()

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        self.page.goto(self.url)
        self.click(f"language-{self.language}")
        self.find("username").fill(username)
        self.find("password").fill(password)
        self.click("signin")
        expect(self.find("user-menu")).to_be_visible()

    def sign_out(self) -> None:
        self.click("user-menu")
        self.click("signout")
        expect(self.find("username")).to_be_visible()

    def tab(self, view: str) -> None:
        self.click(f"tab-{view}")

    def open_case(self, patient: str) -> None:
        """Open the row of a patient from the list that is shown."""
        row = self.find("worklist-row").filter(has_text=patient).first
        self.wait_for_row(patient)
        (row if self.phone else row.get_by_test_id("open").first).click()
        expect(self.find("identity")).to_contain_text(patient)

    def wait_for_row(self, patient: str) -> None:
        """New rows are announced and come when asked for, so that no row moves under the cursor."""
        row, news = self.find("worklist-row").filter(has_text=patient).first, self.find("news")
        expect(row.or_(news).first).to_be_visible(timeout=30_000)
        if not row.is_visible():
            news.click()
        expect(row).to_be_visible()

    def part(self, name: str) -> None:
        """On a phone one part of the reading page is shown at a time."""
        if self.phone:
            self.click(f"part-{name}")

    def viewport(self) -> dict[str, Any]:
        return self.page.evaluate("window.farlight.viewport()")  # type: ignore[no-any-return]

    def wait_for_image(self, quality: str) -> dict[str, Any]:
        self.page.wait_for_function(
            "quality => window.farlight && window.farlight.viewport()"
            " && window.farlight.viewport().quality === quality",
            arg=quality,
            timeout=60_000,
        )
        return self.viewport()

    def pixels(self) -> np.ndarray:
        """What the viewport's canvas shows, (rows, columns) grey values, cut to the image."""
        shown = self.page.evaluate(
            "async () => { const p = await window.farlight.pixels();"
            " return {width: p.width, height: p.height, data: Array.from(p.data)} }"
        )
        rgba = np.array(shown["data"], np.uint8).reshape(shown["height"], shown["width"], 4)
        return rgba[..., :3].mean(axis=2)

    def expect_state(self, state: str) -> None:
        expect(self.find("request-state").first).to_have_attribute("data-state", state)


def picture_pixels(content: bytes, size: tuple[int, int]) -> np.ndarray:
    """A server-rendered picture as grey values, scaled to (width, height)."""
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("L").resize(size, Image.Resampling.BILINEAR), float)
