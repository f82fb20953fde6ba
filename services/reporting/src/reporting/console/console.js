// The console: reads two reports with the reader's token and draws them. No library, no outside load.

import { TEXTS } from "./texts.js";

const FIELDS = [
  "paid_amount_minor", "unpaid_amount_minor", "paid_orders", "unpaid_orders", "paid_people",
  "unpaid_people", "people_reached", "pieces_sent", "cost_micros", "roi",
];
const CELLS = [
  "just_bought", "new_high", "new_low", "loyal_high", "loyal_low", "fading_high", "fading_low",
  "sleeping_high", "sleeping_low", "lost", "never_bought",
];
const LEADING = new Set(["attributed", "roi"]);
const SVG = "http://www.w3.org/2000/svg";

const state = { language: "en", shop: "", token: "", effect: null, summary: null, asked: 0 };
const $ = (id) => document.getElementById(id);
const texts = () => TEXTS[state.language];

function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  const { text, ...attributes } = options;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function word(key) {
  if (!key) return "";
  const plain = key.replaceAll("_", " ");
  return texts().words[key] ?? plain[0].toUpperCase() + plain.slice(1);
}

function locale() {
  return state.language === "zh" ? "zh-CN" : "en";
}

function whole(value) {
  return new Intl.NumberFormat(locale()).format(value);
}

// Amounts may exceed what a float holds exactly: digits are moved as text.
function money(value, places, shown) {
  const negative = value < 0;
  let units = BigInt(value < 0 ? -value : value);
  if (places > shown) {
    const step = 10n ** BigInt(places - shown);
    units = (units + step / 2n) / step;
  }
  const digits = units.toString().padStart(shown + 1, "0");
  const split = digits.length - shown;
  const number = whole(BigInt(digits.slice(0, split)));
  const fraction = shown ? `.${digits.slice(split)}` : "";
  return `${negative ? "−" : ""}${number}${fraction}`;
}

function amount(minor, report) {
  return money(minor, report.exponent, report.exponent);
}

// A piece costs less than the smallest coin: as many digits as it takes, for the return to add up.
function cost(micros, report) {
  let digits = Math.max(report.exponent, 2);
  while (digits < 6 && micros % 10 ** (6 - digits) !== 0) digits += 1;
  return money(micros, 6, digits);
}

// The API's ratio, "1349.21" or "1:1349.21", as the reader's language groups digits.
function ratio(text) {
  return text === null ? "–" : text.replace(/\d+(?=\.)/, (digits) => whole(BigInt(digits)));
}

function percent(share) {
  if (share === null) return "–";
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(share);
}

function fieldText(effect, field, report) {
  const value = effect[field];
  if (field === "roi") return ratio(value);
  if (field === "cost_micros") return cost(value, report);
  return field.endsWith("_minor") ? amount(value, report) : whole(value);
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

async function ask(path, query) {
  const url = `/v1/shops/${encodeURIComponent(state.shop)}/reports/${path}?${query}`;
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${state.token}` } });
  if (!answer.ok) throw new Refused(answer.status);
  return answer.json();
}

function nextDay(day) {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + 1);
  return at.toISOString().slice(0, 10);
}

function daysBefore(day, days) {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - days);
  return at.toISOString().slice(0, 10);
}

async function load() {
  const asked = ++state.asked;
  const query = new URLSearchParams();
  if ($("from").value) query.set("from", $("from").value);
  if ($("last").value) query.set("until", nextDay($("last").value));
  say(texts().loading);
  try {
    const [effect, summary] = await Promise.all([ask("effect", query), ask("summary", query)]);
    if (asked !== state.asked) return; // a later question has been asked
    Object.assign(state, { effect, summary });
    $("from").value = effect.first;
    $("last").value = daysBefore(effect.until, 1);
    draw();
    say("");
  } catch (error) {
    if (asked !== state.asked) return;
    refuse(error);
  }
}

function refuse(error) {
  const status = error instanceof Refused ? error.status : 0;
  if (status === 401 || status === 403) forget();
  Object.assign(state, { effect: null, summary: null }); // figures of other days would mislead
  draw();
  say(texts().errors[status] ?? texts().errors.other, true);
}

function draw() {
  $("figures").hidden = !state.effect;
  $("asof").textContent = "";
  if (!state.effect) return;
  const { effect, summary } = state;
  $("shop-name").textContent = effect.shop_name;
  const at = new Intl.DateTimeFormat(locale(), {
    dateStyle: "medium", timeStyle: "short", timeZone: effect.zone,
  }).format(new Date(effect.as_of));
  $("asof").textContent = texts().as_of(at, effect.zone);
  drawCards(summary);
  drawEffect(effect);
  drawCells(summary.cells);
  drawCounts("messages", summary.messages, ["kind", "state", "reason"], "messages");
  drawCounts("decisions", summary.decisions, ["kind", "result", "reason"], "decisions");
}

function drawCards(summary) {
  const { cards, more } = texts();
  const { effect, orders } = summary;
  const people = summary.cells.reduce((sum, one) => sum + one.customers, 0);
  const share = orders.net_minor > 0 ? percent(effect.paid_amount_minor / orders.net_minor) : "–";
  const rows = [
    ["attributed", amount(effect.paid_amount_minor, summary), more.attributed(share), summary.currency],
    ["roi", ratio(effect.roi_as_ratio), more.roi],
    ["cost", cost(effect.cost_micros, summary), more.cost(whole(effect.pieces_sent)), summary.currency],
    ["events", whole(orders.events), more.events(whole(orders.known))],
    ["orders", whole(orders.counted), more.orders(whole(orders.unpaid))],
    ["sent", whole(effect.messages_sent), more.sent(whole(effect.people_reached))],
    ["cancelled", whole(summary.cancelled_by_payment), more.cancelled],
    ["changes", whole(summary.segment_changes), more.changes(whole(people))],
  ];
  $("cards").replaceChildren(...rows.map(([key, value, detail, unit = ""]) => element(
    "div", { class: LEADING.has(key) ? "card lead" : "card", "data-card": key },
    element("dt", { text: cards[key] }),
    element("dd", { class: "value", text: value }, element("span", { class: "unit", text: unit })),
    element("dd", { class: "more", text: detail }),
  )));
}

function drawEffect(report) {
  const head = [element("th", { scope: "col", text: texts().rule })];
  texts().fields.forEach((name, index) => {
    const order = element("span", { class: "order", text: String(index + 1) });
    head.push(element("th", { scope: "col", class: "number" }, order, name));
  });
  head.push(element("th", { scope: "col", class: "number", text: texts().conversion }));
  $("effect-head").replaceChildren(...head);
  $("effect-hint").textContent = texts().effect_note(report.currency);
  const active = report.rules.filter((rule) => rule.messages_sent > 0);
  const quiet = report.rules.filter((rule) => rule.messages_sent === 0);
  const rows = active.map((rule) => effectRow(rule, word(rule.rule_id), word(rule.message_class), report));
  $("effect-rows").replaceChildren(...(rows.length ? rows : [emptyRow(head.length)]));
  $("effect-total").replaceChildren(effectRow(report.total, texts().total, "", report));
  const separator = state.language === "zh" ? "、" : ", ";
  const names = quiet.map((rule) => word(rule.rule_id)).join(separator);
  $("effect-quiet").textContent = names ? texts().quiet_rules(names) : "";
}

function effectRow(effect, name, kind, report) {
  const title = element("th", { scope: "row", role: "rowheader", text: name });
  const mark = texts().marks[effect.mark];
  if (mark && effect.rule_id) title.append(element("span", { class: `mark ${effect.mark}`, text: mark }));
  if (kind) title.append(element("span", { class: "kind", text: kind }));
  const cell = (field, label, text) => element(
    "td", { class: "number", role: "cell", "data-field": field, "data-label": label, text },
  );
  const cells = FIELDS.map((field, index) => cell(
    field, `${index + 1} ${texts().fields[index]}`, fieldText(effect, field, report),
  ));
  cells.push(cell("conversion", texts().conversion, percent(effect.conversion)));
  return element("tr", { role: "row", "data-rule": effect.rule_id ?? "" }, title, ...cells);
}

function emptyRow(columns) {
  return element("tr", {}, element("td", { class: "empty", colspan: String(columns), text: texts().nothing }));
}

function drawCells(cells) {
  const counts = new Map(cells.map((one) => [one.cell, one.customers]));
  const most = Math.max(1, ...counts.values());
  const rows = CELLS.filter((cell) => counts.has(cell)).map((cell) => {
    const customers = counts.get(cell);
    const bar = document.createElementNS(SVG, "svg");
    const filled = document.createElementNS(SVG, "rect");
    bar.setAttribute("aria-hidden", "true");
    filled.setAttribute("width", `${(100 * customers) / most}%`);
    filled.setAttribute("height", "100%");
    bar.append(filled);
    return element("li", {}, element("span", { text: word(cell) }), bar,
      element("span", { class: "number", text: whole(customers) }));
  });
  $("cells").replaceChildren(...(rows.length ? rows : [element("li", { class: "empty", text: texts().nothing })]));
}

function drawCounts(id, counts, names, number) {
  const rows = counts.map((one) => element(
    "tr", {},
    ...names.map((name) => element("td", { text: word(one[name]) })),
    element("td", { class: "number", text: whole(one[number]) }),
  ));
  $(id).replaceChildren(...(rows.length ? rows : [emptyRow(names.length + 1)]));
}

function speak(language) {
  state.language = language;
  localStorage.setItem("huiliu.language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = texts()[one.dataset.text];
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", texts()[one.dataset.label]);
  }
  $("language").textContent = texts().other_language;
  $("language").lang = language === "zh" ? "en" : "zh";
  draw();
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("huiliu.theme", theme);
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

function enter(shop, token) {
  Object.assign(state, { shop, token });
  sessionStorage.setItem("huiliu.shop", shop);
  sessionStorage.setItem("huiliu.token", token);
  $("enter").hidden = true;
  $("report").hidden = false;
  $("leave").hidden = false;
  load();
}

function forget() {
  sessionStorage.removeItem("huiliu.shop");
  sessionStorage.removeItem("huiliu.token");
  Object.assign(state, { token: "", effect: null, summary: null });
  state.asked += 1;
  $("shop").value = state.shop;
  $("token").value = "";
  $("shop-name").textContent = "";
  $("enter").hidden = false;
  $("report").hidden = true;
  $("leave").hidden = true;
  say("");
}

// The address would stay in the history and be copied: what it brings is taken out of it at once.
function takeFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has("token")) return;
  sessionStorage.setItem("huiliu.shop", given.get("shop") ?? "");
  sessionStorage.setItem("huiliu.token", given.get("token"));
  $("from").value = given.get("from") ?? "";
  $("last").value = given.get("last") ?? "";
  history.replaceState(null, "", location.pathname);
}

function begin() {
  $("language").addEventListener("click", () => speak(state.language === "zh" ? "en" : "zh"));
  $("theme").addEventListener("click", () => paint(isDark() ? "light" : "dark"));
  $("leave").addEventListener("click", forget);
  $("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    enter($("shop").value.trim(), $("token").value.trim());
  });
  $("period").addEventListener("submit", (event) => {
    event.preventDefault();
    load();
  });
  for (const button of document.querySelectorAll("[data-days]")) {
    button.addEventListener("click", () => {
      const last = $("last").value || new Date().toISOString().slice(0, 10);
      $("last").value = last;
      $("from").value = daysBefore(last, Number(button.dataset.days) - 1);
      load();
    });
  }
  paint(localStorage.getItem("huiliu.theme") ?? "auto");
  const wished = localStorage.getItem("huiliu.language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  speak(wished === "zh" ? "zh" : "en");
  takeFromAddress();
  const shop = sessionStorage.getItem("huiliu.shop");
  const token = sessionStorage.getItem("huiliu.token");
  if (shop && token) enter(shop, token);
  else forget();
  addEventListener("hashchange", () => {
    takeFromAddress();
    const now = sessionStorage.getItem("huiliu.token");
    if (now) enter(sessionStorage.getItem("huiliu.shop"), now);
  });
}

begin();
