"""Structured reports and key objects as pages, read by a browser's eyes: what is there, where links lead, what runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from special_objects import EVIL, OTHERS, item

from viewer_api.dicomweb.sr_page import structured_report_page

HTML = {"Accept": "text/html"}


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))

    def every(self, tag, attribute):
        return [
            attributes[attribute] for name, attributes in self.tags if name == tag and attribute in attributes
        ]


@pytest.fixture(scope="module")
def report(special, viewer):
    return Page(viewer.get(f"{special['report'].url}/rendered", headers=HTML).text)


@pytest.mark.parametrize(
    "told",
    [
        "影像诊断报告 Diagnostic imaging report",
        "影像所见 Findings",
        "初步报告 PRELIMINARY",
        "未完成 PARTIAL",
        "未审核 UNVERIFIED",
        "Somebody Special · 某 人",
        "观察者姓名 Person Observer Name",
        "Li^Na=李^娜",
        "A meaning",
        "12.5 mm",
        "Measurement failure",
        "2024-01-03",
        "12:01:30",
        "2024-01-03 12:01:30 +0800",
        "2.25.4711",
        "POLYLINE, 2 个点 points: 1, 2; 3, 4",
        "POINT, 1 个点 points: 1.5, 2.5, 3.5",
        "SEGMENT: 1.5, 2.5",
        "参见 see 1.2.3",
        "未保存在此处 not here",
        EVIL,
        "second line",
    ],
)
def test_everything_that_a_report_says_is_on_its_page(report, told):
    assert told in report.text


def test_nothing_on_it_runs(special, viewer, report):
    answer = viewer.get(f"{special['report'].url}/rendered", headers=HTML)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not {"script", "iframe", "object", "form"} & {tag for tag, _ in report.tags}
    assert not [name for _, attributes in report.tags for name in attributes if name.startswith("on")]


def test_text_of_any_direction_stays_in_its_place(report):
    turned = [attributes for tag, attributes in report.tags if attributes.get("dir") == "auto"]
    assert turned
    assert report.text.count("\u202e") == 1


def test_links_lead_to_the_images_as_they_were_shown(special, viewer, report):
    address = special["report"].url + "/rendered"
    (link,) = [link for link in report.every("a", "href") if "presentationUID" in link]
    assert urljoin(address, link) == f"{special['slice 2'].url}/rendered?presentationUID={OTHERS}.101"
    assert viewer.get(urljoin(address, link)).headers["content-type"] == "image/jpeg"
    (small,) = report.every("img", "src")
    assert viewer.get(urljoin(address, small)).headers["content-type"] == "image/jpeg"


def test_references_lead_to_items_of_the_page(report):
    anchors = {attributes["id"] for _, attributes in report.tags if "id" in attributes}
    assert "#item-1.2.3" in report.every("a", "href")
    assert "item-1.2.3" in anchors
    assert len(anchors) == 17


def test_the_page_of_a_series_has_the_same_links(special, viewer):
    answer = viewer.get(f"{special['report'].series}/rendered", headers=HTML)
    (small,) = Page(answer.text).every("img", "src")
    assert viewer.get(urljoin(special["report"].series + "/rendered", small)).status_code == 200


def test_measurements_are_a_table(special, viewer):
    page = Page(viewer.get(f"{special['measurements'].url}/rendered", headers=HTML).text)
    assert [tag for tag, _ in page.tags].count("table") == 1
    assert [tag for tag, _ in page.tags].count("th") == 5, "identifier, finding, diameter, area, images"
    for told in (
        "lesion 1",
        "lesion 2",
        "Neoplasm",
        "12.5 mm",
        "3.25 mm",
        "37.5 mm2",
        "CIRCLE",
        "影像测量 Imaging Measurements",
    ):
        assert told in page.text
    assert page.every("tr", "title") == ["2.25.701", "2.25.702"]


def test_key_objects_are_pictures(special, viewer):
    address = special["key objects"].url + "/rendered"
    page = Page(viewer.get(address, headers=HTML).text)
    assert "供教学 For Teaching" in page.text
    assert EVIL in page.text
    assert "未保存在此处 not here" in page.text
    assert [urljoin(address, link) for link in page.every("a", "href")] == [
        f"{special['slice 2'].url}/rendered"
    ]
    assert viewer.get(urljoin(address, page.every("img", "src")[0])).status_code == 200
    same = viewer.get(f"{special['slice 2'].url}/rendered?viewport=256,256&accept=image/png").content
    assert viewer.get(f"{special['key objects'].url}/thumbnail?accept=image/png").content == same


def test_a_report_has_no_frames_and_is_no_picture(special, viewer):
    assert viewer.get(f"{special['report'].url}/frames/1/rendered").status_code == 404
    assert viewer.get(f"{special['report'].url}/rendered", headers={"Accept": "image/png"}).status_code == 406


def test_a_deep_tree_ends(special):
    header = special["report"].dataset
    deepest = header.ContentSequence[1]
    for _ in range(200):
        deepest.ContentSequence = [type(deepest)(deepest)]
        deepest = deepest.ContentSequence[0]
    assert len(structured_report_page(header)) < 100_000


@pytest.mark.parametrize(
    "broken",
    [
        {"GraphicData": [1.0, float("nan")]},
        {"ReferencedContentItemIdentifier": []},
        {"ReferencedSOPSequence": [item(ReferencedFrameNumber=[])]},
        {"MeasuredValueSequence": []},
        {"ValueType": ""},
        {"Date": "yesterday", "ValueType": "DATE"},
    ],
)
def test_a_broken_item_spoils_no_page(special, broken):
    header = special["report"].dataset
    for each in header.ContentSequence:
        for keyword, value in broken.items():
            setattr(each, keyword, value)
    assert "</html>" in structured_report_page(header)
