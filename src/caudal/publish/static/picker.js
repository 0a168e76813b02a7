// Lists of choices as menus. Every choice stays a link with an address of its own; without this script the
// lists are as good.
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
const menu = (name) => {
  const label = document.createElement("label"), select = document.createElement("select");
  label.append(name, document.createElement("br"), select);
  return [label, select];
};
const button = (text, submits) =>
  Object.assign(document.createElement("button"), { textContent: text, type: submits ? "submit" : "button" });
const copying = (words, text, make) => {
  const found = button(text, false);
  found.addEventListener("click", async () => {
    await navigator.clipboard.writeText(make());
    found.textContent = words.copied;
    setTimeout(() => { found.textContent = text; }, 3000);
  });
  return found;
};
// The frame of a choice: choices on another page are those of earlier periods, of which none is made.
const frame = (words, choice) => {
  const link = new URL(words.embed, location.href);
  if (choice.startsWith("#")) link.hash = choice;
  const name = document.querySelector("h1").textContent.trim().replace(/[&"<]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<iframe src="${link.href}" title="${name}" width="720" height="560" loading="lazy"></iframe>`;
};
const choosing = (picker) => {
  const words = picker.dataset, groups = [...picker.querySelectorAll("details")];
  const form = document.createElement("form");
  const [ofSource, source] = menu(words.source), [ofBy, by] = menu(words.by);
  groups.forEach((g, i) => source.add(new Option(g.querySelector("summary").textContent, i)));
  const links = (g) => [...g.querySelectorAll("a")];
  const fill = () =>
    by.replaceChildren(...links(groups[source.value]).map((a) => new Option(a.textContent, a.getAttribute("href"))));
  const chosen = groups.findIndex((g) => links(g).some((a) => a.hash && a.hash === location.hash));
  source.value = Math.max(chosen, 0);
  fill();
  if (chosen >= 0) by.value = location.hash;
  source.addEventListener("change", fill);
  form.addEventListener("submit", (event) => { event.preventDefault(); location.href = by.value; open(); });
  form.append(...(groups.length > 1 ? [ofSource] : []), ofBy, button(words.go, true));
  if (navigator.clipboard && words.copy) {
    form.append(copying(words, words.copy, () => new URL(by.value, location.href).href));
    if (words.embed) form.append(copying(words, words.insert, () => frame(words, by.value)));
  }
  groups[0].before(form);
  groups.forEach((g) => { g.open = false; });
};
document.querySelectorAll(".picker").forEach(choosing);
addEventListener("hashchange", open);
if (location.hash) open();
