// Shows a page anew when the record has grown: the server says so, and sends the page as it is then.
const main = document.querySelector("main[data-live]");
const beat = document.getElementById("beat");
let busy = false, again = false;
let said = main.querySelector("h1").textContent;

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.querySelector("main");
    if (answer.ok && next && next.textContent !== main.textContent) {
      const scrolled = [...main.querySelectorAll(".scroll")].map(one => one.scrollLeft);
      const focused = [...main.querySelectorAll("a,[tabindex]")].indexOf(document.activeElement);
      main.replaceChildren(...next.childNodes);
      main.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] || 0; });
      if (focused >= 0) main.querySelectorAll("a,[tabindex]")[focused]?.focus({ preventScroll: true });
      document.title = fresh.title;
      const heading = main.querySelector("h1").textContent;
      if (heading !== said) said = beat.textContent = heading; // how a run ended is said aloud, once
    }
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

const source = new EventSource("/events");
source.addEventListener("changed", event => { if (event.data !== main.dataset.live) { main.dataset.live = event.data; refresh(); } });
source.onopen = () => { beat.textContent = "live"; };
source.onerror = () => { beat.textContent = "not connected: the dashboard has ended"; };
