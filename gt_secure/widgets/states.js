// Buttons that open something carry gts-opens, and gts-opened while it is open; those that choose something carry
// gts-presses, and gts-pressed while it is chosen: say so to assistive technology too.
function tell(root) {
  for (const button of root.querySelectorAll(".gts-presses")) {
    const pressed = String(button.classList.contains("gts-pressed"));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
  for (const button of root.querySelectorAll(".gts-opens")) {
    const open = String(button.classList.contains("gts-opened"));
    if (button.getAttribute("aria-expanded") !== open) button.setAttribute("aria-expanded", open);
  }
}

let reported = false; // once a page

function render({ model, el }) {
  if (!reported) {
    reported = true;
    model.send({ kind: "shown" });
  }
  let frame = 0;
  const observer = new MutationObserver(() => tell(el.closest(".gts-step")));
  const start = () => {
    const step = el.closest(".gts-step");
    if (!step && !el.isConnected) {
      frame = requestAnimationFrame(start); // the page puts a view in its place after it was made
    } else if (step) {
      tell(step);
      observer.observe(step, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    }
  };
  start();
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
  };
}

export default { render };
