"use strict";
// The search, the theme, ticks that stay, names that are filled in, and copying. Without this file the text is all there.
const root = document.documentElement, up = root.dataset.root;
const kept = { // a browser may forbid it for files
  get: (store, key) => { try { return window[store].getItem(key); } catch { return null; } },
  set: (store, key, value) => { try { window[store].setItem(key, value); } catch { /* then it is not kept */ } },
};
const made = (tag, more) => Object.assign(document.createElement(tag), more);

// -- theme
const theme = document.getElementById("theme");
const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const named = () => { theme.textContent = dark() ? "Light" : "Dark"; };
root.dataset.theme = kept.get("localStorage", "theme") || "";
theme.hidden = false;
named();
theme.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; kept.set("localStorage", "theme", root.dataset.theme); named(); };

// -- search
const field = document.getElementById("search"), list = document.getElementById("found");
field.parentElement.hidden = false;
const sections = (window.SECTIONS || []).map(([page, id, words, text]) => ({
  page, id, words, text, head: words.toLowerCase(), body: text.toLowerCase(),
}));
const plain = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const patterns = {}; // one for each word, not for each section
const alone = (word) => patterns[word] ||= new RegExp(`(?<![\\p{L}\\p{N}_])${plain(word)}(?![\\p{L}\\p{N}_])`, "u");
const near = (word, text) => { // one letter wrong, left out, too many or two swapped, in words that are long enough
  if (word.length < 4) return false;
  return text.split(/[^\p{L}\p{N}_]+/u).some((other) => {
    if (Math.abs(other.length - word.length) > 1) return false;
    let i = 0, j = 0, wrong = 0;
    while (i < word.length && j < other.length) {
      if (word[i] === other[j]) { i++; j++; continue; }
      if (++wrong > 1) return false;
      if (word[i] === other[j + 1] && word[i + 1] === other[j]) { i += 2; j += 2; continue; }
      if (word.length >= other.length) i++;
      if (word.length <= other.length) j++;
    }
    return wrong + (word.length - i) + (other.length - j) <= 1;
  });
};
const scored = (one, words) => {
  let sum = 0;
  for (const word of words) {
    const begins = one.head.split(/[^\p{L}\p{N}_]+/u).some((w) => w.startsWith(word));
    const points = one.head === word ? 40 : begins ? 20 : one.head.includes(word) ? 12 : one.body.includes(word) ? (alone(word).test(one.body) ? 5 : 4)
      : near(word, one.head) ? 6 : near(word, one.body) ? 1 : 0;
    if (!points) return 0;
    sum += points;
  }
  return sum - one.head.length / 200;
};
const snippet = (one, words) => {
  const at = Math.max(0, ...words.map((word) => one.body.indexOf(word)));
  const from = Math.max(0, at - 40);
  return (from ? "… " : "") + one.text.slice(from, from + 150);
};
const marked = (text, words) => {
  const span = made("span", {});
  const pattern = new RegExp(`(${words.map(plain).join("|")})`, "gi");
  text.split(pattern).forEach((part, n) => span.append(n % 2 ? made("b", { textContent: part }) : part));
  return span;
};
let chosen = 0;
const choose = (n) => {
  const items = [...list.children];
  if (!items.length) return;
  chosen = (n + items.length) % items.length;
  items.forEach((item, index) => item.setAttribute("aria-selected", index === chosen));
  field.setAttribute("aria-activedescendant", items[chosen].id);
  items[chosen].scrollIntoView({ block: "nearest" });
};
const search = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.length ? sections.map((one) => [scored(one, words), one]).filter(([points]) => points > 0) : [];
  hits.sort((a, b) => b[0] - a[0]);
  list.replaceChildren(...hits.slice(0, 12).map(([, one], n) => {
    const item = made("li", { id: `found-${n}` }), link = made("a", { href: `${up}${one.page}#${one.id}` }), small = made("small", {});
    item.setAttribute("role", "option");
    small.append(one.page.replace(".html", ""), ": ", marked(snippet(one, words), words));
    link.append(marked(one.words, words), small);
    link.onclick = close;
    item.append(link);
    return item;
  }));
  if (words.length && !hits.length) list.append(made("li", { textContent: "Nothing found." }));
  list.hidden = !words.length;
  field.setAttribute("aria-expanded", !list.hidden);
  choose(0);
};
const close = () => { list.hidden = true; field.setAttribute("aria-expanded", "false"); };
field.oninput = search;
field.onfocus = search;
field.onkeydown = (event) => {
  if (event.key === "ArrowDown") choose(chosen + 1);
  else if (event.key === "ArrowUp") choose(chosen - 1);
  else if (event.key === "Escape") { close(); field.blur(); }
  else if (event.key === "Enter") list.children[chosen]?.querySelector("a")?.click();
  else return;
  event.preventDefault();
};
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); field.focus(); }
});
document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });

// -- ticks
const boxes = [...document.querySelectorAll("[data-task]")], key = `ticks:${location.pathname}`;
const before = () => { try { return JSON.parse(kept.get("localStorage", key)) || []; } catch { return []; } };
let ticked = new Set(before());
const show = () => boxes.forEach((box) => { box.checked = ticked.has(box.dataset.task); box.closest("li").classList.toggle("done", box.checked); });
boxes.forEach((box) => { box.onchange = () => {
  box.checked ? ticked.add(box.dataset.task) : ticked.delete(box.dataset.task);
  kept.set("localStorage", key, JSON.stringify([...ticked]));
  show();
}; });
if (boxes.length) {
  const button = made("button", { type: "button", className: "clear", textContent: "Clear all ticks of this page" });
  button.onclick = () => { ticked = new Set(); kept.set("localStorage", key, "[]"); show(); };
  boxes[0].closest("ul").before(button);
  show();
}

// -- names: values stay in this tab, and none that is a secret has a field
const secret = /TOKEN|SECRET|PASSWORD|_KEY|^(DATABASE|DIRECT|BRANCH|SCRATCH)_URL$|^WEBHOOK$/;
const whole = /^[\w.:\/@%+=,-]*$/; // what a shell takes as one word: nothing else goes into a command
const fill = (name, value) => document.querySelectorAll(`var[data-name="${name}"]`).forEach((one) => {
  one.textContent = value || `$${name}`;
  one.classList.toggle("filled", Boolean(value));
});
document.querySelectorAll("td:first-child > code").forEach((cell) => {
  const name = cell.textContent.match(/^\$([A-Z0-9_]+)$/)?.[1];
  if (!name || secret.test(name)) return;
  const input = made("input", { className: "fill", placeholder: "your value", spellcheck: false });
  input.setAttribute("aria-label", `Value of ${name}`);
  const known = cell.closest("tr").cells[2]?.textContent.startsWith("here ") && cell.closest("tr").cells[2].querySelector("code");
  input.value = kept.get("sessionStorage", `name:${name}`) ?? (known ? known.textContent : "");
  const use = () => {
    const value = input.value.trim(), fits = whole.test(value);
    input.setAttribute("aria-invalid", !fits);
    input.title = fits ? "" : "Only letters, digits and . : / @ % + = , - _ are filled in";
    fill(name, fits ? value : "");
  };
  input.oninput = () => { kept.set("sessionStorage", `name:${name}`, input.value.trim()); use(); };
  use();
  cell.after(input);
});
document.querySelectorAll("details.names").forEach((one) => {
  const count = one.querySelectorAll(".fill").length;
  one.querySelector("summary").textContent = `${one.querySelectorAll("tbody tr").length} names, ${count} to fill in for this tab`;
  const unfold = () => { if (location.hash === "#what-to-fill-in") one.open = true; };
  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", () => { one.open = true; });
  unfold();
});

// -- copy
document.querySelectorAll("pre").forEach((block) => {
  const button = made("button", { type: "button", textContent: "Copy" });
  button.onclick = async () => {
    const text = block.querySelector("code").textContent.split("\n").map((line) => line.replace(/\s{2,}# .*$/, "")).join("\n");
    const open = new Set([...block.querySelectorAll("var:not(.filled)")].map((one) => one.textContent));
    try { await navigator.clipboard.writeText(text.trimEnd()); button.textContent = open.size ? `Copied, set ${[...open].join(" ")}` : "Copied"; }
    catch { getSelection().selectAllChildren(block.querySelector("code")); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  };
  block.append(button);
});

// -- contents are closed on a phone
if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");
