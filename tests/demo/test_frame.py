"""The frame escapes what it is given as text and brings nothing from elsewhere."""

from __future__ import annotations

from trafficguard.demo.frame import TRAP_PATH, Frame
from trafficguard.demo.words import CATEGORIES

FRAME = Frame(CATEGORIES, "/style.css", "/script.js")


def test_titles_and_summaries_leave_escaped() -> None:
    page = FRAME.around("<b>&", "<p>main</p>", 3, summary='"><script>').decode()

    assert "<title>&lt;b&gt;&amp; · Larkfield</title>" in page
    assert 'content="&quot;&gt;&lt;script&gt;"' in page
    assert "<p>main</p>" in page


def test_the_number_of_items_stands_beside_the_cart() -> None:
    assert 'aria-label="items in cart">17<' in FRAME.around("", "", 17).decode()


def test_only_pages_that_ask_for_it_are_kept_from_indexes() -> None:
    assert b"noindex" not in FRAME.around("", "", 0)
    assert b"noindex" in FRAME.around("", "", 0, indexed=False)


def test_half_a_surrogate_pair_does_not_break_a_page() -> None:
    assert b"<title>? " in FRAME.around("\udcff", "", 0)


def test_the_trap_is_linked_where_nobody_can_see_or_reach_it() -> None:
    page = FRAME.around("", "", 0).decode()

    assert f'<a href="{TRAP_PATH}" rel="nofollow" tabindex="-1" hidden>' in page
