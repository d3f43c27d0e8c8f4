(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);

  // The list: what is typed filters at once what is shown, where all of it is shown. Of the rest
  // only the hub knows, which is asked with the form.
  const search = $("#q"), apps = $("#apps"), count = $("#count");
  if (search && apps && count) {
    const { one, many, none, ask } = count.dataset;
    const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
    const texts = (row) => [row.querySelector(".name").textContent, row.dataset.key].map(plain);
    const rows = [...apps.children].map((row) => [row, texts(row)]);
    const isWhole = "whole" in search.dataset;
    search.addEventListener("input", () => {
      if (!isWhole) {
        count.textContent = ask;
        return;
      }
      const words = search.value.split(/\s+/).map(plain);
      let shown = 0;
      for (const [row, texts] of rows) {
        row.hidden = !words.every((word) => texts.some((text) => text.includes(word)));
        if (!row.hidden) shown += 1;
      }
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

  // What is plainly missing or misspelt is told before a form is sent: no secret comes back with
  // what the hub refuses. A pasted address is the hub's to judge, which takes from it what it needs.
  for (const form of document.querySelectorAll("form[data-required]")) {
    const misfit = (input) => {
      const value = input.localName === "textarea"
        ? input.value
        : input.value.replace(/^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu, "");
      if (value.trim() === "") return input.required ? form.dataset.required : "";
      const { pattern, misfit: text } = input.dataset;
      if (!pattern || /[./:]/.test(value)) return "";
      try {
        return new RegExp(pattern, "u").test(value) ? "" : text;
      } catch {
        return "";
      }
    };
    const tell = (input, text) => {
      const id = `${input.id}-error`, told = document.getElementById(id);
      const ids = (input.getAttribute("aria-describedby") || "").split(" ");
      const others = ids.filter((one) => one && one !== id);
      if (told) told.remove();
      if (text) {
        const error = document.createElement("p");
        error.className = "error";
        error.id = id;
        error.textContent = text;
        (input.closest(".reveal") || input).after(error);
        others.unshift(id);
        input.setAttribute("aria-invalid", "true");
      } else {
        input.removeAttribute("aria-invalid");
      }
      input.closest(".field").classList.toggle("wrong", Boolean(text));
      if (others.length) input.setAttribute("aria-describedby", others.join(" "));
      else input.removeAttribute("aria-describedby");
    };
    form.addEventListener("submit", (event) => {
      const wrong = [];
      for (const input of form.querySelectorAll("[name^='v.']")) {
        const text = misfit(input);
        tell(input, text);
        if (text) wrong.push(input);
      }
      if (!wrong.length) return;
      event.preventDefault();
      wrong[0].focus();
    });
  }

  // Sent once, and told that it is under way, unless that is seen in another window.
  const form = $("form[data-busy]:not([target])");
  if (form) {
    const button = form.querySelector("button.go"), text = button.textContent, said = $("#busy");
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
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
