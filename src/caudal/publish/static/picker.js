// The list of choices as two menus. Every choice stays a link with an address of its own; without this script
// the list is as good.
const picker = document.querySelector(".picker");
const words = picker ? picker.dataset : {};
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
const menu = (name) => {
  const label = document.createElement("label"), select = document.createElement("select");
  label.append(name, document.createElement("br"), select);
  return [label, select];
};
if (picker) {
  const groups = [...picker.querySelectorAll("details")];
  const form = document.createElement("form");
  const [ofSource, source] = menu(words.source), [ofBy, by] = menu(words.by);
  const [go, copy] = [words.go, words.copy].map((text, i) => {
    const button = document.createElement("button");
    Object.assign(button, { textContent: text, type: i ? "button" : "submit" });
    return button;
  });
  groups.forEach((g, i) => source.add(new Option(g.querySelector("summary").textContent, i)));
  const fill = () => by.replaceChildren(
    ...[...groups[source.value].querySelectorAll("a")].map((a) => new Option(a.textContent, a.getAttribute("href"))));
  const chosen = groups.findIndex((g) => [...g.querySelectorAll("a")].some((a) => a.hash && a.hash === location.hash));
  source.value = Math.max(chosen, 0);
  fill();
  if (chosen >= 0) by.value = location.hash;
  source.addEventListener("change", fill);
  form.addEventListener("submit", (event) => { event.preventDefault(); location.href = by.value; open(); });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(new URL(by.value, location.href).href);
    copy.textContent = words.copied;
  });
  form.append(ofSource, ofBy, go);
  if (navigator.clipboard) form.append(copy);
  groups[0].before(form);
  groups.forEach((g) => { g.open = false; });
}
if (location.hash) open();
