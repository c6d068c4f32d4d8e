"""The page: what it says, where it leads, and that nothing in it runs but its own script."""

import base64
import hashlib
import re
import zlib

import pytest

from mlprod.dashboard import render
from mlprod.dashboard._page import page


def packed(source):
    """Return the pages of single models and experiments."""
    found = re.findall(r'<script type="text/plain" id="([^"]*)">([^<]*)</script>', source)
    return {key: zlib.decompress(base64.b64decode(data)).decode() for key, data in found}


@pytest.fixture
def source(busy, store, clock):
    return render(store, clock=clock, title="Desk 3")


def test_it_is_well_formed_and_so_is_every_part(source, tree):
    found = tree(source)
    assert len(found.ids) == len({*found.ids})
    for part in packed(source).values():
        ids = tree(part).ids
        assert len(ids) == len({*ids})


def test_it_asks_for_nothing_from_anywhere(source, tree):
    for part in (source, *packed(source).values()):
        found = tree(part)
        assert all(link.startswith("#") for link in found.links)
        assert not {name for name, _ in found.attributes if name in {"src", "style"} or name.startswith("on")}
        assert "url(" not in part


def test_the_policy_allows_its_own_script_and_style_and_nothing_else(source):
    policy = re.search('Content-Security-Policy" content="([^"]*)"', source)[1]

    def own(kind):
        found = re.search(f"<{kind}>(.*?)</{kind}>", source, re.DOTALL)[1]
        return base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{own('script')}'",
        f"style-src 'sha256-{own('style')}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert 1 == source.count("<style>") == source.count("<script>")


def test_every_link_leads_somewhere(source, tree):
    places = {f"#{key}" for key in packed(source)} | {
        f"#{tab}" for tab in ("overview", "models", "experiments", "alerts")
    }
    ids = tree(source).ids
    for part in (source, *packed(source).values()):
        for link in tree(part).links:
            assert link in places or link.replace("#alerts/", "alert-") in ids


def test_every_model_and_experiment_has_a_page(source):
    assert ["models/har", "models/idle", "experiments/newer"] == [*packed(source)]


def test_what_a_model_is_like_is_all_there(source, tree):
    said = tree(packed(source)["models/har"]).text
    for part in ("Alerts", "Over time", "Calibration", "Drift", "Versions", "Decisions"):
        assert part in said
    assert "1.0.0 is in production" in said
    assert "gain 0.07" in said
    assert "champion, nightly" in said
    assert "Drift detected in 1 of 2 features" in said
    assert "Drift scores" in packed(source)["models/har"]


def test_a_model_of_which_nothing_is_known_says_so(source, tree):
    said = tree(packed(source)["models/idle"]).text
    assert "Nothing was recorded about this model." in said
    assert "This model was never checked for drift." in said


def test_an_experiment_shows_how_its_lift_came_about(source, tree):
    said = tree(packed(source)["experiments/newer"]).text
    assert "If it ended now" in said
    assert "time left: 4 days" in said
    assert "Lift of Win rate, treatment" in packed(source)["experiments/newer"]


def test_without_anything_it_says_that_there_is_nothing(store, clock, tree):
    said = tree(render(store, clock=clock)).text
    for nothing in ("There are no models yet.", "There are no experiments yet.", "No alert has ever fired."):
        assert nothing in said
    assert (
        "Nothing does, as far as anything was recorded and by the thresholds that are set; money is watched"
        in said
    )


def test_it_refreshes_only_if_asked(snapshot):
    empty = snapshot()
    assert "data-refresh" not in page(empty, title="x", refresh_seconds=None).split("<body")[1][:200]
    assert ' data-refresh="60"' in page(empty, title="x", refresh_seconds=60.0)


def test_seconds_may_be_parts(store):
    assert ' data-refresh="1.5"' in render(store, refresh_seconds=1.5)
