
"use strict";
const refresh = async () => {
  if (document.hidden) return;
  let fresh = false;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(4000) });
    // Only this part: the policy of this page forbids the style of another. It is the last of its
    // name: these lines have the name as well.
    const text = await answer.text();
    const part = text.slice(text.lastIndexOf("<main>"));
    const main = new DOMParser().parseFromString(part, "text/html").querySelector("main");
    if (!main) throw new Error("not this page");
    const unfolded = document.querySelector("details")?.open ?? false;
    // Who has come here by keyboard stays here.
    const focused = document.activeElement?.localName === "summary";
    document.querySelector("main").replaceWith(main);
    document.querySelector("details")?.toggleAttribute("open", unfolded);
    if (focused) document.querySelector("summary")?.focus({ preventScroll: true });
    document.title = `${document.querySelector(".state strong").textContent} - ${document.body.dataset.name}`;
    fresh = true;
  } catch {
    document.title = `no answer - ${document.body.dataset.name}`;
  }
  document.body.classList.toggle("stale", !fresh);
};
setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
