"""Small pieces of the pages of reports. Everything that came from outside goes through `words`, which escapes it."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from pydicom import Dataset

from viewer_api.dicomweb.sr_words import LABELS, chinese_meaning

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
STYLE = """
body{font:16px/1.6 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;max-width:60rem;
margin:0 auto;padding:1.5rem 1rem 4rem;color:#1d232b;background:#fff}
h1{font-size:1.5rem;line-height:1.3;margin:0 0 .75rem}h2,h3,h4,h5,h6{font-size:1.1rem;margin:1.4rem 0 .3rem}
h1 small,h2 small,h3 small,h4 small,h5 small,h6 small,dt small,th small{font-weight:400;color:#5b6672;margin-left:.4em}
section{border-left:2px solid #e3e7ec;padding-left:.9rem}body>section{border:0;padding:0}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.15rem 1rem;margin:.3rem 0}
dt{color:#3c4652}dd{margin:0;min-width:0;overflow-wrap:anywhere}.t{white-space:pre-wrap}
.about{background:#f5f7f9;border-radius:.5rem;padding:.6rem .9rem}
.state{display:inline-block;border:1px solid #c9d0d8;border-radius:1rem;padding:0 .7rem;margin-right:.4rem;
font-size:.9rem}
.state.warn{border-color:#b3541e;color:#b3541e}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0}
th,td{border:1px solid #d5dbe2;padding:.25rem .6rem;text-align:start;vertical-align:top}
th{background:#f5f7f9;font-weight:600}td.n{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}
a{color:#0b5cad}.away{color:#7a8590}ul.m{margin:.1rem 0 .1rem 1.1rem;padding:0;font-size:.94em}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.8rem;padding:0;list-style:none}
.pictures li{background:#14181d;border-radius:.4rem;overflow:hidden;font-size:.85rem;color:#c4ccd4}
.pictures img{display:block;width:100%;aspect-ratio:1;object-fit:contain;background:#000}
.pictures span{display:block;padding:.25rem .5rem;overflow-wrap:anywhere}.pictures a{color:#c4ccd4;text-decoration:none}
.thumb{height:4rem;vertical-align:middle;border-radius:.25rem;margin-right:.5rem;background:#000}
@media (prefers-color-scheme:dark){body{background:#14181d;color:#dfe4ea}.about,th{background:#1e242b}
dt,h1 small,h2 small,h3 small,h4 small,dt small,th small{color:#9aa5b1}th,td,section{border-color:#39424c}
a{color:#7ab8f5}}
@media (max-width:36rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
"""


def words(value: object) -> str:
    """Text of whatever script, which neither breaks out of its place nor turns its neighbours round."""
    return f"<bdi>{escape(_CONTROL.sub(' ', str(value)))}</bdi>"


def long_words(value: object) -> str:
    """Text with lines of its own, each read in its own direction."""
    plain = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return f'<span class="t" dir="auto">{escape(_CONTROL.sub(" ", plain))}</span>'


def label(english: str) -> str:
    """One of our own words in both languages."""
    return f'<span lang="zh-CN">{LABELS[english]}</span> <small lang="en">{escape(english)}</small>'


def concept(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> str:
    """What a code means, in Chinese too where we know it; empty without a code."""
    code = first(item, keyword)
    if code is None:
        return ""
    own = text(code, "CodeMeaning") or text(code, "CodeValue")
    known = chinese_meaning(text(code, "CodingSchemeDesignator"), text(code, "CodeValue"))
    if not known or known == own:
        return words(own)
    return f'<span lang="zh-CN">{known}</span> <small>{words(own)}</small>'


def code_of(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> tuple[str, str]:
    """Scheme and value."""
    code = first(item, keyword)
    return ("", "") if code is None else (text(code, "CodingSchemeDesignator"), text(code, "CodeValue"))


def sequence(item: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none where it is not one."""
    value: Any = item.get(keyword)
    return [each for each in value or [] if isinstance(each, Dataset)] if not isinstance(value, str) else []


def first(item: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence."""
    return next(iter(sequence(item, keyword)), None)


def text(item: Dataset, keyword: str) -> str:
    """An attribute's value in words."""
    value: Any = item.get(keyword)
    return "" if value is None else str(value).strip()
