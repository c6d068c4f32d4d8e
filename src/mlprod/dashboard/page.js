"use strict";
document.documentElement.classList.add("js"); // at once: what is not chosen is never laid out
addEventListener("DOMContentLoaded", () => {
  const TABS = ["overview", "models", "experiments", "alerts"];
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const state = { filters: {}, sorts: {}, paused: false, y: 0, focus: "", ...history.state };
  const panelOf = (link) => byId(`panel-${link.hash.slice(1)}`);
  const nav = byId("tabs");
  const live = byId("live");
  const tip = byId("tip");
  let shown = "";

  // --- tabs, after the WAI-ARIA pattern: arrows move, and open at once -----------------------------------

  nav.setAttribute("role", "tablist");
  for (const link of all("a", nav)) {
    link.setAttribute("role", "tab");
    const panel = panelOf(link);
    link.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", link.id);
  }
  nav.addEventListener("keydown", (event) => {
    const links = all("a", nav);
    const at = links.indexOf(document.activeElement);
    const step = { ArrowRight: at + 1, ArrowLeft: at - 1 + links.length, Home: 0, End: links.length - 1 };
    if (event.key === " ") document.activeElement.click();
    else if (event.key in step) {
      const next = links[step[event.key] % links.length];
      next.focus();
      next.click();
    } else return;
    event.preventDefault();
  });

  // --- where one is: #tab, #tab/name --------------------------------------------------------------------

  const unpacked = async (packed) => {
    const bytes = Uint8Array.from(atob(packed.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };

  const place = () => {
    const [tab, ...rest] = location.hash.slice(1).split("/"); // names need no escapes
    return TABS.includes(tab) ? [tab, rest.join("/")] : ["overview", ""];
  };

  const route = async (isFirst) => {
    const [tab, name] = place();
    const before = shown;
    shown = location.hash;
    for (const link of all("a", nav)) {
      const isChosen = link.hash === `#${tab}`;
      link.setAttribute("aria-selected", isChosen);
      link.tabIndex = isChosen ? 0 : -1;
      panelOf(link).hidden = !isChosen;
    }
    const panel = byId(`panel-${tab}`);
    const list = panel.querySelector(".list");
    const detail = panel.querySelector(".detail");
    let heading = null;
    if (detail) {
      const packed = name && byId(`${tab}/${name}`);
      const markup = packed
        ? await unpacked(packed)
        : name && `<h2>Nothing here</h2><p>This page knows nothing of that name.</p>`;
      if (shown !== location.hash) return; // somebody went on meanwhile
      detail.hidden = !name;
      list.hidden = Boolean(name);
      byId(`${tab}-content`).innerHTML = markup || "";
      for (const chart of all(".mlprod-chart", detail)) chart.tabIndex = 0;
      for (const table of all("table.sortable", detail)) prepare(table);
      heading = name && byId(`${tab}-content`).querySelector("h2");
    }
    const about = heading ? heading.textContent : nav.querySelector("[aria-selected=true]").dataset.name;
    document.title = `${about} · ${document.body.dataset.title}`;
    document.documentElement.classList.add("ready");
    if (isFirst) {
      performance.mark("ready");
      if (state.y) scrollTo(0, state.y);
      byId(state.focus)?.focus({ preventScroll: true });
    } else if (heading) {
      heading.tabIndex = -1;
      heading.focus();
      scrollTo(0, 0);
    } else if (before.startsWith(`#${tab}/`) && tab !== "alerts") {
      all("a", list).find((link) => link.hash === before)?.focus();
    } else if (tab !== "alerts" || !name) scrollTo(0, 0);
    if (tab === "alerts") markAlert(name);
    save();
  };

  const markAlert = (id) => {
    for (const row of all("tr.marked")) row.classList.remove("marked");
    const row = id && byId(`alert-${id}`);
    if (!row) return;
    for (const control of all("#panel-alerts [data-filter]")) control.value = "";
    filter(row.closest("table"));
    row.classList.add("marked");
    row.scrollIntoView({ block: "center" });
  };

  // --- tables: on a phone rows are cards, in which each cell says of which column it is ------------------

  const HEADERS = { col: "columnheader", row: "rowheader" };
  const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };

  const label = (table) => {
    const titles = all("thead th", table).map((head) => head.textContent);
    for (const part of [table, ...all("thead, tbody, tr, th, td", table)]) {
      part.setAttribute("role", HEADERS[part.scope] ?? ROLES[part.tagName]); // browsers forget what is no table to the eye
      if (part.tagName === "TD") part.dataset.label = titles[part.cellIndex];
    }
  };

  // --- tables: sort and filter --------------------------------------------------------------------------

  const compared = (one, other) => {
    const [a, b] = [Number(one), Number(other)];
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, "en", { numeric: true }) : a - b;
  };

  const sort = (table, title, direction) => {
    const heads = all("thead th", table);
    const column = heads.findIndex((head) => head.textContent === title);
    if (column < 0) return; // it was left out of a page that was written later
    heads.forEach((head, at) => {
      if (head.hasAttribute("aria-sort")) head.setAttribute("aria-sort", at === column ? direction : "none");
    });
    const sign = direction === "ascending" ? 1 : -1;
    const rows = all("tbody tr", table).map((row) => [row.cells[column].dataset.v ?? "", row]);
    rows.sort(([one], [other]) => {
      if (!one || !other) return Number(!one) - Number(!other); // what is missing comes last, either way
      return sign * compared(one, other);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };

  const prepare = (table) => {
    label(table);
    const kept = state.sorts[table.id];
    if (kept) sort(table, ...kept);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("th[aria-sort] > button");
    if (!button) return;
    const head = button.parentElement;
    const table = head.closest("table");
    const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    sort(table, button.textContent, direction);
    state.sorts[table.id] = [button.textContent, direction];
    live.textContent = `Sorted by ${button.textContent}, ${direction}`;
    save();
  });

  const isSearch = (control) => control.type === "search";

  const filter = (table) => {
    const controls = all(`[data-filter="${table.id}"]`);
    const given = controls.filter((control) => control.value);
    const words = given.filter(isSearch).flatMap((control) => control.value.toLowerCase().trim().split(/\s+/));
    const groups = given.filter((control) => !isSearch(control)).map((control) => control.value);
    let count = 0;
    const rows = all("tbody tr", table);
    for (const row of rows) {
      row.said ??= row.textContent.toLowerCase();
      const mine = (row.dataset.group ?? "").split(" ");
      const isShown = words.every((word) => row.said.includes(word)) && groups.every((group) => mine.includes(group));
      row.hidden = !isShown;
      count += isShown;
    }
    const [of, whole] = [count, rows.length].map((number) => number.toLocaleString("en"));
    byId(`${table.id}-count`).textContent = count === rows.length ? `All ${whole}` : `${of} of ${whole}`;
  };

  for (const control of all("[data-filter]")) {
    const table = byId(control.dataset.filter);
    if (state.filters[control.id]) control.value = state.filters[control.id];
    control.addEventListener("input", () => {
      filter(table);
      state.filters[control.id] = control.value;
      save();
    });
  }
  for (const table of all("[data-filter]").filter(isSearch).map((control) => byId(control.dataset.filter))) filter(table);
  for (const table of all("table.sortable")) prepare(table);

  // --- copying ------------------------------------------------------------------------------------------

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(code); // there to be copied by hand, where a page may not
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
    live.textContent = button.textContent;
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });

  // --- charts: what is at a place -----------------------------------------------------------------------

  const titles = new WeakMap();
  let pointed = null;

  const said = (strip) => {
    const title = strip.querySelector("title");
    if (title) {
      titles.set(strip, title.textContent);
      title.remove(); // or the browser shows it, too, and later
    }
    return titles.get(strip) ?? "";
  };

  const point = (strip) => {
    if (pointed) pointed.classList.remove("pointed");
    pointed = strip;
    tip.hidden = !strip;
    if (!strip) return;
    strip.classList.add("pointed");
    tip.textContent = said(strip);
    const at = strip.getBoundingClientRect();
    const middle = at.left + at.width / 2;
    const left = Math.max(6, Math.min(middle - tip.offsetWidth / 2, document.documentElement.clientWidth - tip.offsetWidth - 6));
    const above = at.top - tip.offsetHeight - 6;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : at.bottom + 6}px`;
  };

  for (const kind of ["pointermove", "pointerdown"]) {
    document.addEventListener(kind, (event) => {
      const strip = event.target.closest?.(".mlprod-hit") ?? null;
      if (strip !== pointed) point(strip);
    });
  }
  document.addEventListener("scroll", () => point(null), { passive: true });
  document.addEventListener("focusout", () => point(null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") point(null);
    const chart = event.target.closest?.(".mlprod-chart");
    if (!chart) return;
    const strips = all(".mlprod-hit", chart);
    const at = strips.indexOf(pointed);
    const step = { ArrowRight: at + 1, ArrowLeft: at < 0 ? strips.length - 1 : at - 1, Home: 0, End: strips.length - 1 };
    if (!strips.length || !(event.key in step)) return;
    event.preventDefault();
    point(strips[Math.max(0, Math.min(step[event.key], strips.length - 1))]);
    live.textContent = tip.textContent;
  });

  // --- age, and reloading what is written anew ----------------------------------------------------------

  const made = byId("made");
  const refresh = Number(document.body.dataset.refresh) || 0;
  const button = byId("refresh");

  const age = () => {
    const seconds = Math.max(0, (Date.now() - Date.parse(made.querySelector("time").dateTime)) / 1000);
    const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([length]) => seconds >= length) ?? [0, ""];
    const count = size && Math.floor(seconds / size);
    byId("age").textContent = size ? `, ${count} ${unit}${count === 1 ? "" : "s"} ago` : ", just now";
    made.classList.toggle("stale", refresh > 0 && seconds > 3 * refresh + 60);
  };

  const save = () => {
    state.y = scrollY;
    state.focus = document.activeElement?.id ?? "";
    history.replaceState({ ...state }, "");
  };

  let later = 0;
  addEventListener("scroll", () => {
    clearTimeout(later);
    later = setTimeout(save, 200);
  }, { passive: true });
  addEventListener("pagehide", save);
  history.scrollRestoration = "manual";

  if (refresh) {
    const say = () => {
      button.setAttribute("aria-pressed", state.paused);
      button.textContent = state.paused ? "Go on refreshing" : "Pause refreshing";
    };
    button.addEventListener("click", () => {
      state.paused = !state.paused;
      say();
      save();
    });
    button.hidden = false;
    say();
    setInterval(() => {
      if (state.paused || document.hidden || !getSelection().isCollapsed) return;
      save();
      location.reload();
    }, refresh * 1000);
  }
  age();
  setInterval(age, 30000);

  addEventListener("hashchange", () => route(false));
  route(true);
});
