"use strict";
// Tables of this page sort, filter, search and page; a matrix of many labels can be looked at label by label.
// Every text is put in as text, never as markup; without this script the page shows all rows.
(() => {
  const CLOSEST = 8;
  const number = (count) => count.toLocaleString("en-US");
  const text = (cell) => cell.textContent.trim();
  const keyOf = (cell) => (cell.dataset.value === undefined ? text(cell).toLowerCase() : Number(cell.dataset.value));
  const make = (name, content, parent) => {
    const element = document.createElement(name);
    if (content !== undefined) element.textContent = content;
    if (parent) parent.append(element);
    return element;
  };

  function pageable(table) {
    const rows = [...table.tBodies[0].rows];
    const size = Number(table.dataset.pageSize) || rows.length;
    const pager = document.querySelector(`[data-pager-of="${table.id}"]`);
    const state = { page: 0, keep: () => true };
    const show = () => {
      const kept = [...table.tBodies[0].rows].filter(state.keep);
      const pages = Math.max(1, Math.ceil(kept.length / size));
      state.page = Math.min(Math.max(0, state.page), pages - 1);
      const first = state.page * size;
      const shown = new Set(kept.slice(first, first + size));
      rows.forEach((row) => row.classList.toggle("off", !shown.has(row)));
      if (!pager) return;
      pager.hidden = rows.length <= size && kept.length === rows.length;
      const [back, forth] = pager.querySelectorAll("button");
      back.disabled = state.page === 0;
      forth.disabled = state.page === pages - 1;
      const status = pager.querySelector("[role=status]");
      const last = Math.min(first + size, kept.length);
      status.textContent = kept.length
        ? `${number(first + 1)} to ${number(last)} of ${number(kept.length)} ${status.dataset.noun}`
        : `no ${status.dataset.noun}`;
    };
    if (pager) {
      pager.addEventListener("click", (event) => {
        const step = Number(event.target.dataset.step);
        if (step) { state.page += step; show(); }
      });
    }
    return { rows, show, state };
  }

  function sortable(table, paged) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.hasAttribute("data-plain")) return;
      const button = make("button", text(head));
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isNumber = paged.rows.some((row) => row.cells[column].dataset.value !== undefined);
        const now = head.getAttribute("aria-sort");
        const falling = now ? now === "ascending" : isNumber;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const keyed = paged.rows.map((row, index) => ({ row, index, key: keyOf(row.cells[column]) }));
        const compare = isNumber ? (a, b) => a.key - b.key : (a, b) => a.key.localeCompare(b.key, "en", { numeric: true });
        keyed.sort((a, b) => (falling ? compare(b, a) : compare(a, b)) || a.index - b.index);
        table.tBodies[0].append(...keyed.map((entry) => entry.row));
        paged.state.page = 0;
        paged.show();
      });
    });
  }

  function filterable(table, paged) {
    const filters = document.querySelector(`[data-filters-of="${table.id}"]`);
    if (!filters) return;
    const search = filters.querySelector("input");
    const words = new Map(paged.rows.map((row) => [row, row.textContent.toLowerCase()]));
    const selects = [...filters.querySelectorAll("select")].map((select) => {
      const column = [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.name === select.dataset.column);
      const names = [...new Set(paged.rows.map((row) => text(row.cells[column])))];
      names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      make("option", "all", select).value = "";
      names.forEach((name, index) => { make("option", name, select).value = String(index); });
      return { select, column, names };
    });
    const apply = () => {
      const wanted = search.value.toLowerCase();
      paged.state.keep = (row) =>
        words.get(row).includes(wanted) &&
        selects.every(({ select, column, names }) => select.value === "" || text(row.cells[column]) === names[Number(select.value)]);
      paged.state.page = 0;
      paged.show();
    };
    search.addEventListener("input", apply);
    selects.forEach(({ select }) => select.addEventListener("change", apply));
    filters.hidden = false;
  }

  function zoomable(place) {
    const { labels, totals, cells } = JSON.parse(document.getElementById("zoom-values").textContent);
    const select = document.getElementById("zoom-label");
    const tables = document.getElementById("zoom-tables");
    const list = (caption, heading, entries) => {
      const table = make("table", undefined, tables);
      make("caption", caption, table);
      const head = table.createTHead().insertRow();
      [heading, "Rows", "Share"].forEach((name, index) => {
        const cell = make("th", name, head);
        cell.scope = "col";
        if (index) cell.className = "number";
      });
      const body = table.createTBody();
      entries.slice(0, CLOSEST).forEach(([label, count, total]) => {
        const row = body.insertRow();
        const name = make("th", undefined, row);
        name.scope = "row";
        make("bdi", labels[label], name);
        [number(count), `${((100 * count) / Math.max(1, total)).toFixed(1)} %`].forEach((value) => { make("td", value, row).className = "number"; });
      });
    };
    const show = () => {
      const chosen = Number(select.value);
      tables.replaceChildren();
      const said = cells.filter(([truth]) => truth === chosen).map(([, label, count]) => [label, count, totals[chosen]]);
      const called = cells.filter(([, label]) => label === chosen);
      const sum = called.reduce((all, [, , count]) => all + count, 0);
      list(`What its ${number(totals[chosen])} rows were called.`, "Called", said);
      list("What the rows truly are that were called it.", "True label", called.map(([truth, , count]) => [truth, count, sum]));
    };
    labels.forEach((label, index) => { make("option", label, select).value = String(index); });
    const worst = cells.find(([truth, label]) => truth !== label);
    if (worst) select.value = String(worst[0]);
    select.addEventListener("change", show);
    show();
    place.hidden = false;
  }

  document.querySelectorAll("table[data-sortable]").forEach((table) => {
    const paged = pageable(table);
    sortable(table, paged);
    filterable(table, paged);
    paged.show();
  });
  const zoom = document.getElementById("zoom");
  if (zoom) zoomable(zoom);
})();
