// The question that is being answered: brought to the top of the window once, when it is asked after others; so is a
// line that says what is wrong.
const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
let asked = "";
let over; // the number of the run that was ended last, and what was shown then
let shown;
watch("value", () => {
  const ended = element.querySelector("[data-over]");
  const run = element.querySelector("[data-run]")?.dataset.run;
  if (ended) [over, shown] = [ended.dataset.over, props.value];
  else if (run && run === over) { // it was on its way when it was ended
    props.value = shown;
    return;
  }
  const problem = element.querySelector(".error");
  if (problem) problem.scrollIntoView({ block: "center", behavior });
  const turn = element.querySelector(".turn");
  const question = turn ? turn.querySelector(".question").textContent : "";
  if (question && question !== asked && document.querySelector("#log .turn")) turn.scrollIntoView({ block: "start", behavior });
  asked = question;
});
