import { directLogitAttribution } from "../../dist/index.js"; // with a bundler or an import map: "logitscope"

/** What a form asks for, as what `drawTable` draws: plain values, which a worker can post. */
export function attribute(model, { prompt, answer, wrong, unit }) {
  const result = directLogitAttribution(model, prompt, {
    answer: answer || prediction(model, prompt),
    ...(wrong && { wrong }),
    unit,
  });
  const [{ scores, check, ...tokens }] = result.attributions;
  const instead = tokens.wrong ? ` rather than ${show(tokens.wrong.text)}` : "";
  const caption = `${show(tokens.answer.text)}${instead} after ${show(prompt)}`;
  return {
    labels: result.labels,
    scores: [...scores.data],
    check,
    caption,
    isDifference: tokens.wrong !== null,
  };
}

/** The id of the model's own next token. */
function prediction(model, prompt) {
  const { data } = model.run(prompt, { logits: "last" });
  return data.indexOf(data.reduce((most, logit) => Math.max(most, logit)));
}

/** In quotes, so that the space at a token's beginning can be seen. */
function show(token) {
  return `“${token}”`;
}
