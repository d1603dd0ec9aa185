// Runs before the first paint, so that a chosen theme does not flash. Kept apart from the
// bundle because the content security policy allows no inline script.
try {
  const chosen = localStorage.getItem("passerelle.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's preference applies.
}
