// Narrows the list of the page to what is asked for. The list is whole without it.
const folded = term => term.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
// Plurals and genders of the three languages end alike: what is left is enough to meet.
const stem = term => folded(term).replace(/(?<=.{4})(es|s)$/, "").replace(/(?<=.{4})[aeo]$/, "");
const items = [...document.querySelectorAll("#found li")].map((li, id) => (
  { id, li, title: li.querySelector("a").textContent, text: li.textContent, also: li.dataset.also ?? "" }));
const index = new MiniSearch({
  fields: ["title", "text", "also"],
  processTerm: stem,
  searchOptions: { prefix: true, fuzzy: term => (term.length > 4 ? 0.2 : false), boost: { title: 3, also: 0.5 } },
});
index.addAll(items);
const form = document.getElementById("search"), input = form.querySelector("input"), list = document.getElementById("found"), count = document.getElementById("count");
const same = new Map();
for (const group of JSON.parse(list.dataset.same)) {
  const words = group.split(" ");
  for (const word of words) same.set(stem(word), [...(same.get(stem(word)) ?? []), ...words]);
}

// All that is asked for, each word or one that means the same; where nothing has it all, what has most.
function found(asked) {
  const each = asked.split(/[^\p{L}\p{N}]+/u).filter(Boolean).map(
    word => ({ combineWith: "OR", queries: [word, ...(same.get(stem(word)) ?? [])] }));
  const all = index.search({ combineWith: "AND", queries: each });
  return all.length ? all : index.search({ combineWith: "OR", queries: each });
}

function show() {
  const asked = input.value.trim();
  const ranked = asked ? found(asked).map(r => items[r.id]) : items;
  list.replaceChildren(...ranked.map(i => i.li));
  count.textContent = asked ? count.dataset.found.replace("{count}", ranked.length) : "";
  history.replaceState(null, "", asked ? `#${new URLSearchParams({ q: asked })}` : location.href.split("#")[0]);
}
form.hidden = false;
form.addEventListener("submit", e => { e.preventDefault(); show(); });
input.addEventListener("input", show);
input.value = new URLSearchParams(location.hash.slice(1)).get("q") ?? "";
if (input.value) show();
