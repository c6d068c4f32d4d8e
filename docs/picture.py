"""Take a picture of a dashboard: ``python picture.py <chromium> <page> <picture>``."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PLACE = "#models/sp500-volatility"
SIZE = {"width": 1280, "height": 564}  # up to the first row of charts
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main(chromium: str, page: str, picture: str) -> None:
    """Open the page of the model, and take the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page(viewport=SIZE, device_scale_factor=2, color_scheme="light")
        tab.goto(Path(page).absolute().as_uri() + PLACE)
        tab.wait_for_selector("html.ready")
        Path(picture).parent.mkdir(exist_ok=True)
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
