// Narrows the list of the page to what is asked for. The list is whole without it.
const folded = term => term.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
const items = [...document.querySelectorAll("#found li")].map((li, id) => ({ id, li, title: li.querySelector("a").textContent, text: li.textContent }));
const index = new MiniSearch({
  fields: ["title", "text"],
  processTerm: folded,
  searchOptions: { prefix: true, fuzzy: term => (term.length > 4 ? 0.2 : false), boost: { title: 3 }, combineWith: "AND" },
});
index.addAll(items);
const form = document.getElementById("search"), input = form.querySelector("input"), list = document.getElementById("found"), count = document.getElementById("count");

function show() {
  const asked = input.value.trim();
  const ranked = asked ? index.search(asked).map(r => items[r.id]) : items;
  list.replaceChildren(...ranked.map(i => i.li));
  count.textContent = asked ? count.dataset.found.replace("{count}", ranked.length) : "";
  history.replaceState(null, "", asked ? `#${new URLSearchParams({ q: asked })}` : location.href.split("#")[0]);
}
form.hidden = false;
form.addEventListener("submit", e => { e.preventDefault(); show(); });
input.addEventListener("input", show);
input.value = new URLSearchParams(location.hash.slice(1)).get("q") ?? "";
if (input.value) show();
