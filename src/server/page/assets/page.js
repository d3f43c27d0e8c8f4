(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);

  // The list: what is typed filters at once what is shown, where all of it is shown. Of the rest
  // only the hub knows, which is asked with the form.
  const search = $("#q[data-whole]"), apps = $("#apps"), count = $("#count");
  if (search && apps && count) {
    const rows = [...apps.children];
    const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    search.addEventListener("input", () => {
      const wanted = plain(search.value.trim());
      let shown = 0;
      for (const row of rows) {
        row.hidden = !plain(row.textContent).includes(wanted);
        if (!row.hidden) shown += 1;
      }
      const { one, many, none } = count.dataset;
      count.textContent = shown === 0 ? none : shown === 1 ? one : many.replace("{}", shown);
    });
  }

  // A secret can be looked at before it is sent.
  for (const input of document.querySelectorAll("input[data-show]")) {
    const wrap = document.createElement("span"), button = document.createElement("button");
    const label = document.querySelector(`label[for="${CSS.escape(input.id)}"]`);
    wrap.className = "reveal";
    button.type = "button";
    const say = (shown) => {
      button.textContent = shown ? input.dataset.hide : input.dataset.show;
      button.setAttribute("aria-label", `${button.textContent} ${label.firstChild.textContent.trim()}`);
      input.type = shown ? "text" : "password";
    };
    say(false);
    button.addEventListener("click", () => say(input.type === "password"));
    input.form.addEventListener("submit", () => say(false));
    input.replaceWith(wrap);
    wrap.append(input, button);
  }

  // Whoever goes back, or comes after, finds no secret.
  window.addEventListener("pagehide", () => {
    for (const input of document.querySelectorAll("[data-secret]")) input.value = "";
  });

  // Sent once, and told that it is under way, unless that is seen in another window.
  const form = $("form[data-busy]:not([target])");
  if (form) {
    const button = form.querySelector("button.go"), text = button.textContent, said = $("#busy");
    form.addEventListener("submit", (event) => {
      if (button.getAttribute("aria-disabled")) return event.preventDefault();
      button.setAttribute("aria-disabled", "true");
      button.textContent = form.dataset.busy;
      const spin = document.createElement("span");
      spin.className = "spin";
      spin.setAttribute("aria-hidden", "true");
      button.prepend(spin);
      said.textContent = form.dataset.busy;
    });
    // Back from elsewhere, the page is as it was left.
    window.addEventListener("pageshow", () => {
      button.removeAttribute("aria-disabled");
      button.textContent = text;
      said.textContent = "";
    });
  }

  // What went wrong is read first.
  const problem = $("#problem");
  if (problem) problem.focus();

  const go = $("[data-go]");
  if (go) location.replace(go.dataset.go);

  // Only a window that a script opened does close; any other stays.
  if ($("[data-close]")) window.close();
})();
