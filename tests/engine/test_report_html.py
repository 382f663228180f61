"""The HTML report: what it says, that it stands alone, and that nothing escapes its place."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_specimen import empty_run, failing_run, hostile_run, passing_run, step

from crossfoot.report import render
from crossfoot.report.html import anchor, breakable
from crossfoot.results import Lanes, Run
from crossfoot.verdicts import Verdict

VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}
RUNS = {
    "passing": passing_run(),
    "failing": failing_run(),
    "empty": empty_run(),
    "hostile": hostile_run(),
}
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)


class Page(HTMLParser):
    """A page as its elements, and the faults of its nesting."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"never closed: {tag}" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"closed out of order: {tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & {*self._open}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, name: str, tag: str = "") -> list[str]:
        return [
            attributes[name] or ""
            for element, attributes in self.elements
            if name in attributes and tag in ("", element)
        ]


def page(run: Run) -> Page:
    return Page(render(run, "html"))


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_element_is_closed_in_order_and_every_id_is_used_once(run: Run) -> None:
    parsed = page(run)
    assert parsed.faults == []
    assert [name for name, count in Counter(parsed.values("id")).items() if count > 1] == []


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_reference_leads_to_something_on_the_page(run: Run) -> None:
    parsed = page(run)
    ids = set(parsed.values("id"))
    assert {link for link in parsed.values("href", "a") if not link.startswith("#")} == set()
    assert {link[1:] for link in parsed.values("href", "a")} <= ids
    for name in ("popovertarget", "data-copy", "aria-labelledby"):
        assert set(parsed.values(name)) <= ids


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_page_needs_no_other_file_and_its_policy_allows_none(run: Run) -> None:
    text = render(run, "html")
    parsed = Page(text)
    assert parsed.values("src") == []
    assert parsed.values("href", "link") == ["data:,"]
    assert not re.search(r"url\(|@import|https?://", text)
    policy = next(value for value in parsed.values("content") if "default-src" in value)
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.S)
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_there_is_no_inline_style_and_no_inline_handler(run: Run) -> None:
    names = {name for _, attributes in page(run).elements for name in attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_table_has_a_caption_and_every_head_cell_a_scope(run: Run) -> None:
    parsed = page(run)
    tags = Counter(tag for tag, _ in parsed.elements)
    assert tags["caption"] == tags["table"]
    assert all("scope" in attributes for tag, attributes in parsed.elements if tag == "th")


def test_a_verdict_is_told_in_words_wherever_it_is_told_in_colour() -> None:
    text = render(failing_run(), "html")
    cells = re.findall(
        r'<td class="(pass|fail|unknown|not-applicable|none)">(.*?)</td>', text, re.S
    )
    words = {
        "pass": "pass",
        "fail": "fail",
        "unknown": "unknown",
        "not-applicable": "not applicable",
        "none": "not covered",
    }
    assert cells
    for name, inner in cells:
        assert f'<span class="word">{words[name]}</span>' in inner


def test_the_page_begins_with_the_verdict_and_what_it_covers() -> None:
    text = page(failing_run()).text
    headline = text.index("Fail: 3 of 11 applicable checks failed on lead_marketplace.")
    assert headline < text.index("What this rests on") < text.index("What it says nothing about")
    assert text.index("What it says nothing about") < text.index("What each column asks")


def test_the_sections_follow_each_other_from_the_verdict_to_the_method() -> None:
    ids = [
        attributes.get("id") for tag, attributes in page(failing_run()).elements if tag == "section"
    ]
    assert ids == ["verdict", "matrix", "findings", "checks", "kills", "method"]


def test_a_run_without_broken_variants_has_no_section_about_them() -> None:
    run = passing_run()
    run.targets[0].kill_matrix = None
    assert 'id="kills"' not in render(run, "html")


def test_a_finding_is_told_from_its_summary_to_its_regression_race() -> None:
    text = page(failing_run()).text
    parts = [
        "One lead was sold twice: buyer_a and buyer_b both completed, sold_count is 2 In “Two buyers",
        "waits for buyer_a",
        "ok: success = true",
        "Afterwards",
        "However, neither was: a contradiction.",
        "One after the other, only this can come out",
        "crossfoot replay cf1-8qk2-two_buyers_one_lead-0110011",
        "seen again in 10 of 10 replays",
        "What would prevent it",
        "does not serializable",
        "prevents it for no key update on lead_ marketplace. leads",
        "A race file that keeps this from coming back",
        "A script that shows this with psql alone",
    ]
    at = text.index(parts[0])
    places = [text.index(part, at) for part in parts]
    assert places == sorted(places)


def test_the_matrix_says_for_each_finding_what_would_prevent_it_and_at_what_cost() -> None:
    text = page(failing_run()).text
    grid = text[text.index("What would prevent each finding") :].partition("One lead was sold")[0]
    assert "two_ buyers_ one_ lead" in grid
    assert "prevents it 12 of them wait for a lock" in grid
    assert "does not" in grid and "not tried" in grid


def test_a_wait_is_a_band_from_the_step_that_waits_to_the_one_that_goes_on() -> None:
    text = render(failing_run(), "html")
    table = text[text.index('<table class="lanes">') :].partition("</table>")[0]
    rows = re.findall(r"<tr>\n<th scope=\"row\" class=\"n\">(\d+)</th>(.*?)</tr>", table, re.S)
    waiting = [int(number) for number, cells in rows if re.search(r'class="[^"]*waiting', cells)]
    assert waiting == [14, 15, 16, 17, 18]
    assert 'class="acts from-waiting open wake"' in dict(rows)["18"]


def test_only_as_many_offending_rows_are_claimed_as_there_are() -> None:
    text = page(failing_run()).text
    assert "Offending rows, 2 of 7" in text


def test_waived_and_undecided_checks_are_shown_with_their_reasons() -> None:
    text = page(failing_run()).text
    assert "waived until 2027-01-01" in text
    assert "Reason given: Read only, called by the reporting role alone" in text
    assert "permission denied for table credit_payments" in text


def test_every_check_is_listed_with_what_it_looked_at() -> None:
    text = page(failing_run()).text
    for check in failing_run().targets[0].checks:
        assert check.title in text
    assert "924 of 924 schedules" in text
    assert "212 accounts" in text


def test_the_kill_matrix_tells_what_was_expected() -> None:
    text = page(failing_run()).text
    assert re.search(r"Should have been caught by: contract ?completion_ ?refuses_ ?nonsense", text)
    assert "without its constraint" in text


def test_how_it_was_done_names_versions_seed_bounds_and_limits() -> None:
    text = page(passing_run()).text
    method = text[text.rindex("How it was done") :]
    for part in ("18.6", "0.1.0", "20000", "50ms", "stepped through one by one", "--seed 7"):
        assert part in method


def test_hostile_text_is_shown_and_does_nothing() -> None:
    text = render(hostile_run(), "html")
    assert text.count("<script>") == 1
    assert "\x00" not in text and "\x1b" not in text and "\u202e" not in text
    assert "{{ 7*7 }}" in text
    tags = Counter(tag for tag, _ in Page(text).elements)
    assert tags["script"] == 1


def test_a_run_of_several_targets_keeps_them_apart() -> None:
    run = failing_run()
    other = passing_run().targets[0].model_copy(update={"name": "gift_cards"})
    run.targets.append(other)
    parsed = page(run)
    assert parsed.faults == []
    assert [name for name, count in Counter(parsed.values("id")).items() if count > 1] == []
    assert "checks failed on lead_marketplace and gift_cards" in parsed.text


def test_what_an_undecided_race_saw_is_shown_but_not_as_a_finding() -> None:
    run = failing_run()
    run.targets[0].checks[0].verdict = Verdict.UNKNOWN
    text = page(run).text
    assert "seen, and not confirmed" in text
    assert "2 findings, the worst first" in text


def test_an_interleaving_without_steps_does_not_break_the_page() -> None:
    run = failing_run()
    run.targets[0].checks[0].findings[0].lanes = Lanes(sessions=[], steps=[])
    assert page(run).faults == []
    run.targets[0].checks[0].findings[0].lanes = Lanes(
        sessions=["a"], steps=[step(1, "a", "wait")], state=[{"x": None}, {"y": "1"}]
    )
    assert page(run).faults == []


def test_many_findings_of_one_check_are_folded_and_numbered_on() -> None:
    run = failing_run()
    audit = next(check for check in run.targets[0].checks if check.name == "balance_equals_entries")
    audit.findings = [
        audit.findings[0].model_copy(update={"summary": f"account {number}"}) for number in range(9)
    ]
    parsed = page(run)
    assert "6 more findings against “Stored balance equals the sum of its entries”" in parsed.text
    numbered = [name for name in parsed.values("id", "article") if name.startswith("finding-")]
    assert numbered == [f"finding-{number}" for number in range(1, 12)]
    assert {f"#finding-{number}" for number in range(2, 11)} <= set(parsed.values("href", "a"))


def test_long_names_may_break_at_their_joints_and_stay_escaped() -> None:
    assert str(breakable("a_b.c<d")) == "a_<wbr>b.<wbr>c&lt;d"
    assert anchor("check", "a b", 'x"y') == "check-a-b-x-y"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH to open the page with")
@pytest.mark.parametrize("name", ["failing", "hostile"])
def test_a_browser_runs_the_page_s_own_script_and_no_other(name: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(RUNS[name], "html"), encoding="utf-8")
    dom = opened(f"{path.as_uri()}#checks", tmp_path)
    assert "<title>owned</title>" not in dom
    theme = re.search(r'<button type="button" id="theme"[^>]*>(\w+)</button>', dom)
    assert theme and "hidden" not in theme[0] and theme[1] in ("Dark", "Light")
    assert re.search(r'data-copy="command"(?! hidden)[^>]*>Copy', dom)
    assert "</script>" in dom and dom.count("<script>") == 1


def opened(url: str, folder: Path) -> str:
    """Return the document as Chromium has it once the page's script has run."""
    assert CHROMIUM
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        url,
    ]
    done = subprocess.run([CHROMIUM, *arguments], capture_output=True, timeout=90, check=True)
    return done.stdout.decode("utf-8", "replace")
