/**
 * Draws an attribution's rows as a table with bars, and the proof that they add up under them. Labels and tokens are text,
 * never markup: they come from files and from whoever types.
 */
export function drawTable(table, { labels, scores, check, caption, isDifference }) {
  const largest = Math.max(...scores.map(Math.abs));
  const row = (label, score, note) => {
    const name = make("th", label, { scope: "row" });
    const bar = make("td", note ?? "", { className: note === undefined ? "bar" : "note" });
    if (note === undefined) bar.append(makeBar(score / largest));
    return make("tr", [name, make("td", signed(score), { className: "score" }), bar]);
  };
  const head = ["part of the model", "score", "against / for"].map((text) =>
    make("th", text, { scope: "col" }),
  );
  const proof = Math.abs(check.sum + check.bias - check.logit);
  table.replaceChildren(
    make("caption", caption),
    make("thead", [make("tr", head)]),
    make(
      "tbody",
      labels.map((label, i) => row(label, scores[i])),
    ),
    make("tfoot", [
      row("sum", check.sum, "of all rows"),
      row("+ bias", check.bias, "b_U, the unembedding's"),
      row(
        isDifference ? "= logit diff" : "= logit",
        check.logit,
        `read off the model's output ✓ to ${proof.toExponential(0)}`,
      ),
    ]),
  );
  table.hidden = false;
}

/** Takes away what was drawn: it is of another question. */
export function clearTable(table) {
  table.hidden = true;
  table.replaceChildren();
}

/** A bar from the axis in the middle, `share` of a half to the right or the left. */
function makeBar(share) {
  const bar = make("div", "", { className: share < 0 ? "against" : "for" });
  bar.style.setProperty("--share", Math.abs(share) || 0);
  return bar;
}

function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(4)}`;
}

/** An element, with a text or children in it. */
function make(tag, content, properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...(Array.isArray(content) ? content : [content]));
  return element;
}
