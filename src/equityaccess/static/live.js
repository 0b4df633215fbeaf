// Open pages hear what changed, and the parts that listen for it (hx-trigger="coverage from:body") ask again.
const heard = new EventSource("/live");
for (const subject of ["coverage", "onboarding", "triage"]) {
  heard.addEventListener(subject, () => htmx.trigger(document.body, subject));
}
addEventListener("pagehide", () => heard.close());
