
"use strict";
const refresh = async () => {
  if (document.hidden) return;
  let fresh = false;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(4000) });
    // Only this part: the policy of this page forbids the style of another.
    const [main] = (await answer.text()).match(/<main>[^]*<\/main>/);
    const page = new DOMParser().parseFromString(main, "text/html");
    const unfolded = document.querySelector("details")?.open ?? false;
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.querySelector("details")?.toggleAttribute("open", unfolded);
    document.title = `${document.querySelector(".state strong").textContent} - fibrpcd`;
    fresh = true;
  } catch {
    document.title = "no answer - fibrpcd";
  }
  document.body.classList.toggle("stale", !fresh);
};
setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
