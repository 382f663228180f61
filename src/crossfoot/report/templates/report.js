(function () {
  "use strict";
  var root = document.documentElement;

  /* What needs script stays hidden without it. */
  document.querySelectorAll("[data-copy], .keys, #theme").forEach(function (element) {
    element.hidden = false;
  });

  /* Theme: the system's, until the reader chooses. */
  var theme = document.getElementById("theme");
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function stored(value) {
    try {
      if (value) { localStorage.setItem("crossfoot-theme", value); }
      return localStorage.getItem("crossfoot-theme");
    } catch (error) {
      return value || null; /* some browsers keep no storage for a file on disk */
    }
  }
  function current() { return root.dataset.theme || (dark.matches ? "dark" : "light"); }
  function label() { theme.textContent = current() === "dark" ? "Light" : "Dark"; }
  var chosen = stored();
  if (chosen === "dark" || chosen === "light") { root.dataset.theme = chosen; }
  label();
  dark.addEventListener("change", label);
  theme.addEventListener("click", function () {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    stored(root.dataset.theme);
    label();
  });

  /* A link to something opens what it lies in, and closes the card that it was clicked on. */
  function arrive() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) { return; }
    document.querySelectorAll("[popover]").forEach(function (card) {
      if (card.matches(":popover-open")) { card.hidePopover(); }
    });
    target.querySelectorAll("th > details").forEach(function (details) { details.open = true; });
    show(target);
  }
  function show(target) {
    for (var outer = target.parentElement; outer; outer = outer.parentElement) {
      if (outer.tagName === "DETAILS") { outer.open = true; }
    }
    target.scrollIntoView();
    if (target.tabIndex === -1) { target.focus({ preventScroll: true }); }
  }
  window.addEventListener("hashchange", arrive);
  arrive();

  /* j and k go from finding to finding. */
  var findings = Array.prototype.slice.call(document.querySelectorAll("article.finding"));
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !findings.length) { return; }
    if (event.key !== "j" && event.key !== "k") { return; }
    var here = findings.findIndex(function (item) { return item.contains(document.activeElement); });
    var next = event.key === "j" ? here + 1 : (here < 0 ? findings.length : here) - 1;
    next = Math.max(0, Math.min(findings.length - 1, next));
    show(findings[next]);
  });

  /* Copy a line; where the clipboard is closed, select it instead. */
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    button.addEventListener("click", function () {
      var line = document.getElementById(button.dataset.copy);
      function select() {
        window.getSelection().selectAllChildren(line);
        button.textContent = "Selected";
      }
      if (!navigator.clipboard) { select(); return; }
      navigator.clipboard.writeText(line.textContent).then(function () {
        button.textContent = "Copied";
      }, select);
    });
  });

  /* Paper has nothing to click on: everything is open while printing. */
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.filter.call(document.querySelectorAll("details"), function (details) {
      return !details.open;
    });
    opened.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (details) { details.open = false; });
  });
})();
