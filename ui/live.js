// The question that is being answered: brought to the top of the window once, when it is asked after others.
const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
let asked = "";
watch("value", () => {
  const turn = element.querySelector(".turn");
  const question = turn ? turn.querySelector(".question").textContent : "";
  if (question && question !== asked && document.querySelector("#log .turn")) turn.scrollIntoView({ block: "start", behavior });
  asked = question;
});
