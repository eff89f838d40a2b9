"use strict";
(() => {
  const WIDEST_PX = 720;
  const rows = JSON.parse(document.getElementById("rows").textContent);
  const views = new Map();
  const shown = () => new Set(visibleKeys());

  // Charts: the picture that is there already is replaced once the same chart can be pointed at.
  function placeNames(spec) {
    const names = spec.marks.find((mark) => mark.name === "names_marks");
    if (!names) return;
    names.from = { data: "points_marks" };
    names.encode = { enter: { text: { field: "datum.name" }, fill: { value: "var(--ink)" }, fontSize: { value: 12 } } };
    names.transform = [
      {
        type: "label",
        size: { signal: "[width + 20, height + 10]" },
        anchor: ["top-right", "bottom-right", "right", "top", "bottom", "top-left", "bottom-left", "left"],
        offset: [4],
      },
    ];
  }

  async function drawChart(source) {
    const place = document.getElementById(`chart-${source.dataset.chart}`);
    const spec = JSON.parse(source.textContent);
    const data = spec.data.find((d) => d.name === "rows");
    placeNames(spec);
    for (const legend of spec.legends ?? []) legend.columns = Math.max(1, Math.floor(place.clientWidth / 190));
    for (const axis of spec.axes ?? []) if (axis.scale === "y") axis.labelLimit = 0.4 * place.clientWidth;
    const fixed = spec.signals && spec.signals.some((s) => s.name === "x_step");
    const live = document.createElement("div");
    const { view } = await vegaEmbed(live, spec, { mode: "vega", renderer: "svg", actions: false });
    if (!fixed) await fit(view, place);
    live.querySelector("svg").setAttribute("aria-hidden", "true");
    place.replaceChildren(live);
    place.dataset.live = "";
    views.get(place.id)?.view.finalize();
    views.set(place.id, { view, place, values: data && data.values });
  }

  // What stands beside the plot has the width it needs; the plot gets the rest.
  async function fit(view, place) {
    const whole = view.container().querySelector("svg").viewBox.baseVal.width;
    const width = Math.max(120, Math.floor(view.width() + Math.min(place.clientWidth, WIDEST_PX) - whole));
    if (width !== view.width()) await view.width(width).runAsync();
  }

  function limits(values) {
    const low = Math.min(...values.map((v) => Math.min(v.y, v.y_low)));
    const high = Math.max(...values.map((v) => Math.max(v.y, v.y_high)));
    const missing = Math.max(0, 4 - (high - low)) / 2;
    const margin = 0.06 * Math.max(high - low, 4);
    const right = 1.1 * Math.max(...values.map((v) => v.p50_high));
    return { x_max: right, y_min: low - missing - margin, y_max: high + missing + margin };
  }

  function filterCharts() {
    const kept = shown();
    for (const { view, place, values } of views.values()) {
      if (!values) continue;
      const now = values.filter((v) => kept.has(v.key));
      place.hidden = !now.length;
      if (place.hidden) continue;
      view.data("rows", now);
      if (place.id === "chart-pareto") {
        for (const [name, value] of Object.entries(limits(now))) view.signal(name, value);
      }
      view.runAsync();
    }
  }

  // Filters
  const form = document.querySelector(".filters");
  function visibleKeys() {
    if (!form) return rows.map((row) => row.key);
    const facets = [...form.querySelectorAll("fieldset")].map((set) => [
      set.dataset.facet,
      new Set([...set.querySelectorAll("input:checked")].map((box) => box.value)),
    ]);
    return rows.filter((row) => facets.every(([facet, on]) => on.has(row[facet]))).map((row) => row.key);
  }

  function filterAll() {
    const kept = shown();
    for (const row of document.querySelectorAll("[data-row]")) row.hidden = !kept.has(Number(row.dataset.row));
    const count = form.querySelector("output");
    count.textContent = `${kept.size} of ${count.dataset.of} rows`;
    filterCharts();
  }

  if (form && form.querySelector("fieldset")) {
    form.hidden = false;
    form.addEventListener("change", filterAll);
    form.addEventListener("reset", () => setTimeout(filterAll));
  }

  // Contents: a link to every section.
  const contents = document.querySelector("nav");
  document.querySelectorAll("main h2").forEach((heading, number) => {
    heading.id = `section-${number}`;
    const link = contents.appendChild(document.createElement("a"));
    link.href = `#${heading.id}`;
    link.textContent = heading.textContent;
  });
  contents.hidden = false;

  // Tables: a heading sorts by its column, what has no figure last.
  function figureOf(text) {
    return parseFloat(text.replace(/[\s\u2248]/g, "").replace("\u2212", "-"));
  }

  function sort(table, column, up, numeric) {
    const text = (row) => row.cells[column].textContent.trim();
    const order = (a, b) => {
      if (!numeric) return (up ? 1 : -1) * text(a).localeCompare(text(b), undefined, { numeric: true });
      const [x, y] = [figureOf(text(a)), figureOf(text(b))];
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return up ? x - y : y - x;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        sort(table, column, up, head.classList.contains("number"));
      });
    });
  }
  document.querySelectorAll("table.sortable").forEach(makeSortable);

  // A row under the pointer is larger in the chart.
  function focusOn(key) {
    views.get("chart-pareto")?.view.signal("focus", key).runAsync();
  }
  for (const row of document.querySelectorAll("[data-row]")) {
    row.addEventListener("pointerenter", () => focusOn(Number(row.dataset.row)));
    row.addEventListener("pointerleave", () => focusOn(-1));
  }

  // Pictures
  const choice = document.querySelector(".view");
  if (choice) {
    choice.hidden = false;
    choice.addEventListener("change", () => {
      const slide = choice.elements.view.value === "slide";
      for (const pair of document.querySelectorAll(".pair")) {
        pair.classList.toggle("over", slide);
        pair.querySelector(".slide").hidden = !slide;
      }
    });
    for (const input of document.querySelectorAll(".slide input")) {
      const move = () => input.closest(".pair").style.setProperty("--at", `${input.value}%`);
      input.addEventListener("input", move);
      move();
    }
  }

  // Light and dark
  const theme = document.getElementById("theme");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = getComputedStyle(root).getPropertyValue("--dark").trim() === "1";
      root.dataset.theme = dark ? "light" : "dark";
      theme.setAttribute("aria-pressed", String(!dark));
    });
  }

  // The first chart is drawn at once, the others when they are about to be seen.
  const sources = new Map();
  for (const source of document.querySelectorAll("script[data-chart]")) {
    sources.set(`chart-${source.dataset.chart}`, source);
  }
  async function drawSome(places) {
    for (const end of await Promise.allSettled(places.map((id) => drawChart(sources.get(id))))) {
      if (end.status === "rejected") console.warn("A chart stays a picture:", end.reason);
    }
    if (form && !form.hidden) filterCharts();
  }
  const seen = new IntersectionObserver(
    (changes) => {
      const places = changes.filter((change) => change.isIntersecting).map((change) => change.target);
      places.forEach((place) => seen.unobserve(place));
      if (places.length) drawSome(places.map((place) => place.id));
    },
    { rootMargin: "400px" },
  );

  // Another width, another drawing: labels and legends have other room.
  let waiting = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (innerWidth !== width) drawSome([...views.keys()]);
      width = innerWidth;
    }, 150);
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));

  const [first, ...others] = sources.keys();
  drawSome(first ? [first] : []).then(() => {
    others.forEach((id) => seen.observe(document.getElementById(id)));
    window.edgekitReady = performance.now();
  });
})();
