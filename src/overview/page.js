
"use strict";
const refresh = async () => {
  if (document.hidden) return;
  let fresh = false;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(4000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.title = page.title;
    fresh = true;
  } catch {
    document.title = "no answer - fibrpcd";
  }
  document.body.classList.toggle("stale", !fresh);
};
setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
