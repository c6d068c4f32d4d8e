"""The tables of the dashboard: sorted, filtered, and on a screen of any width."""

from collections import Counter

import pytest

from mlprod import AlertThreshold, PerformanceMonitor
from mlprod.testing import FrozenClock
from tests.browser.conftest import NOW, written

LISTS = ("overview", "models", "experiments", "alerts")
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True}

TOO_WIDE = """boxes => boxes
    .filter(box => box.checkVisibility() && box.scrollWidth > box.clientWidth)
    .map(box => box.getAttribute("aria-label") ?? box.textContent)"""
IS_ON_SCREEN = """part => {
    const at = part.getBoundingClientRect();
    return at.left >= 0 && at.right <= innerWidth && at.height > 0 && part.scrollWidth <= part.clientWidth;
}"""
LABELS = (
    """cells => cells.map(cell => JSON.parse(getComputedStyle(cell, "::before").content.split(" / ")[0]))"""
)


def column(tab, table, title):
    titles = tab.eval_on_selector_all(f"#{table} thead th", "heads => heads.map(head => head.innerText)")
    return tab.eval_on_selector_all(
        f"#{table} tbody tr:not([hidden])",
        f"rows => rows.map(row => row.cells[{titles.index(title)}].innerText)",
    )


def shares(tab, table, title):
    return [float(text.rstrip("%")) for text in column(tab, table, title)]


def roles(tab):
    """Return how many parts of tables there are for a screen reader, of each kind."""
    tree = tab.context.new_cdp_session(tab).send("Accessibility.getFullAXTree")
    found = Counter(node["role"]["value"] for node in tree["nodes"] if not node["ignored"])
    return {name: found[name] for name in ("table", "row", "columnheader", "rowheader", "cell")}


class TestSortingAndFiltering:
    def test_sorting(self, visit, large):
        tab = visit(large, "models")
        button = tab.locator("#models-table th[aria-sort] button", has_text="Accuracy")
        button.click()
        ascending = shares(tab, "models-table", "Accuracy")
        assert sorted(ascending) == ascending
        assert "ascending" == tab.locator("#models-table th", has_text="Accuracy").get_attribute("aria-sort")
        button.press("Enter")
        assert ascending[::-1] == shares(tab, "models-table", "Accuracy")

    def test_what_is_missing_comes_last(self, visit, small):
        tab = visit(small, "models")
        for _ in range(2):
            tab.locator("#models-table button", has_text="Accuracy").click()
            assert ["har", "idle"] == column(tab, "models-table", "Model")

    def test_filtering(self, visit, large):
        tab = visit(large, "models")
        tab.get_by_role("searchbox").locator("visible=true").fill("MODEL-01")
        assert [f"model-01{digit}" for digit in range(10)] == column(tab, "models-table", "Model")
        assert "10 of 200" == tab.inner_text("#models-table-count")

    def test_filtering_by_what_is_so(self, visit, small):
        tab = visit(small, "models")
        tab.select_option("#models-table-group", "production")
        assert ["har"] == column(tab, "models-table", "Model")

    def test_filtering_by_state(self, visit, small):
        tab = visit(small, "alerts")
        tab.select_option("#alerts-table-group", "firing")
        assert ["firing"] == column(tab, "alerts-table", "State")

    def test_an_order_is_kept_where_a_column_comes_in_between(self, visit, tmp_path):
        store, clock = str(tmp_path / "store"), FrozenClock(NOW)
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_predictions("a", "1", correct=[False, True] * 20)
            monitor.record_predictions("b", "1", correct=[False] * 40)
        tab = visit(written(tmp_path, store))
        tab.get_by_role("tab", name="Models").click()
        for _ in range(2):
            tab.locator("#models-table button", has_text="Accuracy").click()
        assert 0 == tab.locator("#models-table th", has_text="Alerts").count()
        with PerformanceMonitor(
            store, clock=clock, thresholds=[AlertThreshold("low", "accuracy", 0.4, "warning")]
        ) as monitor:
            monitor.get_active_alerts()
        written(tmp_path, store)
        tab.reload()
        tab.wait_for_selector("html.ready")
        assert ["\N{EN DASH}", "1"] == sorted(column(tab, "models-table", "Alerts"), reverse=True)
        assert [50.0, 0.0] == shares(tab, "models-table", "Accuracy")


class TestOnEveryScreen:
    @pytest.mark.parametrize("place", LISTS)
    @pytest.mark.parametrize("page", ["quickstart", "long_names", "large"])
    def test_no_list_is_wider(self, visit, request, page, place):
        tab = visit(request.getfixturevalue(page), place)
        for width in (1280, 1000, 390):
            tab.set_viewport_size({"width": width, "height": 800})
            assert [] == tab.eval_on_selector_all(".wide, .wide code", TOO_WIDE)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width

    def test_what_is_telling_is_in_sight(self, visit, quickstart):
        tab = visit(quickstart, "models")
        assert ["Model", "Health", "Last record"] == [
            head.inner_text() for head in tab.query_selector_all("#models-table thead th")[:3]
        ]
        assert "2018-12-24" in column(tab, "models-table", "Last record")[0]


class TestOnAPhone:
    def test_the_line_that_acknowledges_is_in_sight(self, visit, long_names):
        tab = visit(long_names, "alerts", **PHONE)
        parts = tab.query_selector_all("#alerts-table .line code, #alerts-table .line button")
        assert 10 == len(parts)
        assert all(part.evaluate(IS_ON_SCREEN) for part in parts)

    def test_each_cell_says_of_which_column_it_is(self, visit, long_names):
        tab = visit(long_names, "models", **PHONE)
        titles = tab.eval_on_selector_all("#models-table thead th", "heads => heads.map(h => h.innerText)")
        assert 3 * titles[1:] == tab.eval_on_selector_all("#models-table td", LABELS)

    def test_that_of_one_model_too(self, visit, quickstart):
        tab = visit(quickstart, "models/sp500-volatility", **PHONE)
        assert {"Stage", "P&L"} < {*tab.eval_on_selector_all("table[id^=versions] td", LABELS)}

    def test_it_sorts(self, visit, large):
        tab = visit(large, "models", **PHONE)
        button = tab.locator("#models-table th button", has_text="Accuracy")
        assert button.evaluate(IS_ON_SCREEN)
        button.tap()
        ascending = shares(tab, "models-table", "Accuracy")
        assert sorted(ascending) == ascending
        assert 200 == len(ascending)

    @pytest.mark.parametrize("place", LISTS)
    def test_a_table_is_one_for_a_screen_reader(self, visit, long_names, place):
        """Though its parts are not laid out as one: Chromium knows by itself, others have to be told."""
        tab = visit(long_names, place)
        expected = roles(tab)
        assert 1 == expected["table"]
        assert expected["cell"] > expected["rowheader"] > 0
        tab.set_viewport_size(PHONE["viewport"])
        assert expected == roles(tab)
        assert (
            0
            == tab.locator(
                ".sortable:not([role]), .sortable :is(thead, tbody, tr, th, td):not([role])"
            ).count()
        )
