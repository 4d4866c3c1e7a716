// The page of `botcli dashboard`: asks for the figures again and again, and draws them. What comes is shown as text.
"use strict";

const KEY = location.hash.slice(1);
const REFRESH_MS = 10_000;
const RETRY_MS = 3_000;
const PATIENCE_MS = 70_000;
// so many times as long as it read the database rests
const REST = 9;
const CHART_HEIGHT = 230;
const DAY_LABEL = 64;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const WHOLE = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const UNITS = [["hours", 3_600_000], ["minutes", 60_000], ["seconds", 1_000]];

const plots = new Map();
let days = 30;
let shown = null;
let timer = 0;
let turn = null;

const at = (id) => document.getElementById(id);
const count = (value) => value.toLocaleString("en");
const short = (value) => value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
const total = (values) => (sum(values) < 1e7 ? count(sum(values)) : short(sum(values)));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const sum = (values) => values.reduce((before, value) => before + value, 0);
const noon = (day) => Date.parse(`${day}T12:00Z`) / 1000;
const sentence = (text) => (text.endsWith(".") ? text : `${text}.`);
const dayOf = (moment) => new Date(moment * 1000).toISOString().slice(0, 10);

function element(name, text, changes = {}) {
  const made = Object.assign(document.createElement(name), changes);
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(state, text = "") {
  document.body.dataset.state = state;
  document.body.ariaBusy = "false";
  at("notice").textContent = text;
  at("figures").hidden = !(state === "ready" || (state === "away" && shown));
}

async function refresh() {
  clearTimeout(timer);
  turn?.abort();
  const mine = (turn = new AbortController());
  const began = performance.now();
  let pause = RETRY_MS;
  try {
    const answer = await fetch(`figures?days=${days}`, {
      headers: { Authorization: `Bearer ${KEY}` },
      signal: AbortSignal.any([mine.signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    // it may have read for as long
    pause = Math.max(RETRY_MS, REST * (performance.now() - began));
    if (answer.status === 500) throw new Error("botcli dashboard failed; its terminal says why.");
    const told = await answer.json();
    // another range was chosen meanwhile
    if (mine !== turn) return;
    if (answer.status === 401) return lock();
    // what is wrong stays so
    if (answer.status === 400) return say("away", sentence(told.error));
    if (!answer.ok) throw new Error(sentence(told.error));
    show(told);
    pause = Math.max(REFRESH_MS, REST * told.milliseconds);
  } catch (error) {
    if (mine !== turn) return;
    // what fetch itself raises says nothing to a person
    const reason = error.constructor === Error ? error.message : "botcli dashboard gives no answer; has it ended?";
    say("away", `${reason} Trying again in ${Math.ceil(pause / 1_000)} s. ${shown ? "What is shown is older." : ""}`);
  }
  timer = setTimeout(() => document.hidden || refresh(), pause);
}

function lock() {
  shown = null;
  at("read").textContent = at("range").textContent = "";
  say("locked", "Open the address that botcli dashboard printed, with all that follows the #: that is the key.");
}

function show(told) {
  const figures = told.figures;
  shown = null;
  at("range").textContent = told.range;
  at("read").textContent = `Read at ${new Date(told.read_at).toLocaleTimeString("en-GB")} in ${count(told.milliseconds)} ms.`;
  if (!sum(figures.roles.map((role) => role.messages)) && !sum(figures.tokens.map((day) => day.requests))) {
    say("empty", `Nothing was said in these ${told.days} days. What comes is shown here by itself.`);
    return;
  }
  // before it is drawn: what is hidden has no width
  say("ready");
  shown = told;
  paint();
}

function paint() {
  const { figures, time_zone: zone } = shown;
  fit();
  totals(figures);
  const daily = figures.daily;
  bars("messages", "messages", daily.map((row) => row.day), [
    ["people", "people", daily.map((row) => row.user_messages)],
    ["bot", "bot", daily.map((row) => row.assistant_messages)],
  ]);
  const active = figures.active_days;
  bars("people", "people", active.map((row) => row.starts_on), [["people", "people", active.map((row) => row.people)]]);
  answers(figures.answer_times.filter((row) => row.day));
  const tokens = figures.tokens;
  bars("tokens", "tokens", tokens.map((row) => row.day), [
    ["read", "people", tokens.map((row) => row.input_tokens)],
    ["written", "bot", tokens.map((row) => row.output_tokens)],
  ]);
  hours(figures.hours, zone);
  chats(figures.top_chats);
}

function totals(figures) {
  const said = Object.fromEntries(figures.roles.map((role) => [role.role, role]));
  const times = figures.answer_times.at(-1);
  const share = times.questions ? Math.round((100 * times.answered) / times.questions) : 0;
  const shownTotals = [
    ["Messages of people", count(said.user.messages)],
    ["Messages of the bot", count(said.assistant.messages)],
    ["People who wrote", count(said.user.people)],
    ["Chats", count(said.user.chats)],
    ["Answered", times.questions ? `${share} %` : "–"],
    ["Half answered within", times.answered ? `${count(times.median_milliseconds / 1_000)} s` : "–"],
    ["Tokens read", total(figures.tokens.map((day) => day.input_tokens))],
    ["Tokens written", total(figures.tokens.map((day) => day.output_tokens))],
  ];
  at("totals").replaceChildren(
    ...shownTotals.map(([name, value]) => {
      const tile = element("div");
      tile.append(element("dt", name), element("dd", value));
      return tile;
    }),
  );
}

// Series are [name, colour, values]; each stands on those before it.
function bars(id, unit, dates, series) {
  const raised = [];
  for (const [, , values] of series) raised.push(values.map((value, day) => value + (raised.at(-1)?.[day] ?? 0)));
  const paths = uPlot.paths.bars({ size: [0.8, 40] });
  // the highest first, which the lower ones then cover
  draw(id, unit, dates, series.toReversed(), raised.toReversed(), (shade) => ({ fill: shade, width: 0, paths, points: { show: false } }));
}

function answers(rows) {
  const slowest = Math.max(0, ...rows.map((row) => row.p95_milliseconds ?? 0));
  const [unit, length] = UNITS.find(([, size]) => slowest >= 2 * size) ?? UNITS.at(-1);
  const within = (name) => rows.map((row) => (row[name] === null ? null : row[name] / length));
  const series = [
    ["95% within", "bot", within("p95_milliseconds")],
    ["half within", "people", within("median_milliseconds")],
  ];
  const drawn = series.map(([, , values]) => values);
  draw("answers", unit, rows.map((row) => row.day), series, drawn, (shade) => ({ width: 2, points: { size: 5, fill: shade } }));
}

function draw(id, unit, dates, series, drawn, look) {
  const data = [dates.map(noon), ...drawn];
  const found = plots.get(id);
  if (found?.unit === unit) {
    found.series = series;
    found.plot.setData(data);
    return;
  }
  found?.plot.destroy();
  const entry = { unit, series };
  const line = { stroke: colour("muted"), ticks: { show: false } };
  // beside the names: the values under the pointer, else the newest day's
  const newest = (plot, day) => day ?? plot.data[0].length - 1;
  const value = (index) => (plot, _, __, day) =>
    entry.series[index][2][newest(plot, day)]?.toLocaleString("en", { maximumFractionDigits: 1 }) ?? "–";
  const options = {
    width: at(id).clientWidth,
    height: CHART_HEIGHT,
    // what is zoomed would last until the next figures
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (_, first, last) => [first - 43_200, last + 43_200] },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
    },
    axes: [
      {
        ...line,
        label: "day",
        labelSize: 18,
        size: 30,
        grid: { show: false },
        splits: everySoMany,
        values: (_, moments) => moments.map(nameOfDay),
      },
      {
        ...line,
        label: unit,
        labelSize: 20,
        grid: { stroke: colour("line"), width: 1 },
        size: 46,
        incrs: unit === "seconds" ? undefined : WHOLE,
        values: (_, values) => values.map(short),
      },
    ],
    series: [
      { label: "day", value: (plot, _, __, day) => dayOf(plot.data[0][newest(plot, day)]) },
      ...series.map(([label, name], index) => ({
        label,
        stroke: colour(name),
        value: value(index),
        ...look(colour(name)),
      })),
    ],
  };
  entry.plot = new uPlot(options, data, at(id));
  plots.set(id, entry);
}

// As many days as have room for their names, the newest among them.
function everySoMany(plot) {
  const moments = plot.data[0];
  const every = Math.ceil(moments.length / Math.max(2, Math.floor((plot.width - 70) / DAY_LABEL)));
  return moments.filter((_, day) => (moments.length - 1 - day) % every === 0);
}

function nameOfDay(moment) {
  return new Date(moment * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

function hours(rows, zone) {
  const most = Math.max(1, ...rows.map((row) => row.messages));
  const table = element("table", undefined, { className: "heat" });
  const head = element("tr");
  head.append(element("td"));
  for (let hour = 0; hour < 24; hour += 3) head.append(element("th", String(hour).padStart(2, "0"), { colSpan: 3, scope: "col" }));
  table.append(head);
  WEEKDAYS.forEach((name, weekday) => {
    const line = element("tr");
    line.append(element("th", name, { scope: "row" }));
    for (const row of rows.filter((each) => each.weekday === weekday + 1)) {
      const told = `${name} ${String(row.hour).padStart(2, "0")}:00, ${count(row.messages)} messages`;
      const cell = element("td", undefined, { title: told, ariaLabel: told });
      cell.style.setProperty("--share", `${(100 * row.messages) / most}%`);
      line.append(cell);
    }
    table.append(line);
  });
  const scale = element("p", undefined, { className: "scale" });
  scale.append(element("span", `hour of the day (${zone})`), element("span", "0"), element("i"), element("span", `${count(most)} messages`));
  at("hours").replaceChildren(table, scale);
}

function chats(rows) {
  const table = element("table", undefined, { className: "rows" });
  const head = element("tr");
  for (const name of ["chat", "messages", "people"]) head.append(element("th", name, { scope: "col" }));
  table.append(head);
  for (const row of rows) {
    const line = element("tr");
    const chat = element("td");
    chat.append(element("bdi", row.title || "without a title"), element("small", `${row.type} ${row.telegram_chat_id}`));
    line.append(chat, element("td", count(row.messages)), element("td", count(row.people)));
    table.append(line);
  }
  at("chats").replaceChildren(table);
}

function choose(wanted) {
  days = wanted;
  for (const button of at("days").children) button.ariaPressed = String(Number(button.dataset.days) === days);
}

function fit() {
  for (const [id, { plot }] of plots) {
    const width = at(id).clientWidth;
    if (width && width !== plot.width) plot.setSize({ width, height: CHART_HEIGHT });
  }
}

function redraw() {
  for (const { plot } of plots.values()) plot.destroy();
  plots.clear();
  if (shown) paint();
}

at("days").addEventListener("click", (event) => {
  const wanted = Number(event.target.dataset.days);
  if (!wanted || document.body.dataset.state === "locked") return;
  choose(wanted);
  document.body.ariaBusy = "true";
  refresh();
});
addEventListener("hashchange", () => location.reload());
addEventListener("resize", fit);
document.addEventListener("visibilitychange", () => document.hidden || document.body.dataset.state === "locked" || refresh());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
choose(days);
if (KEY) refresh();
else lock();
