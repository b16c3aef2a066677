import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { directLogitAttribution, NotImplementedError, toJSON, ValueError } from "logitscope";
import { demoModel } from "logitscope/demo";

const model = await demoModel({ compatibilityMode: true }); // once for each isolate

const app = new Hono();

/** `{ "prompt", "answer"?, "wrong"?, "unit"? }` in, the document of `logitscope --format json` out. */
app.post("/attribute", bodyLimit({ maxSize: 16 * 1024 }), async (c) => {
  const { prompt, answer, wrong, unit } = fields(await c.req.json().catch(() => null));
  if (prompt === undefined)
    throw new ValueError('prompt: got nothing, expected a text. Give { "prompt": "…" }.');
  const result = directLogitAttribution(model, prompt, {
    answer: answer ?? mostLikely(prompt),
    wrong,
    unit: unit as "component" | "layer" | "head" | undefined, // another one is a ValueError
  });
  return c.json(toJSON(result));
});

app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse();
  const isTheirs = error instanceof ValueError || error instanceof NotImplementedError;
  const { name, message } = isTheirs ? error : { name: "Error", message: "It failed here." };
  return c.json({ error: { name, message } }, isTheirs ? 400 : 500);
});

export default app;

/** The fields of a request, each a text. */
function fields(body: unknown): Record<string, string | undefined> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new ValueError('body: got no JSON object, expected one. Send { "prompt": "…" }.');
  for (const [name, value] of Object.entries(body)) {
    if (typeof value !== "string")
      throw new ValueError(`${name}: got ${JSON.stringify(value)}, expected a text. Send it in quotes.`);
  }
  return body as Record<string, string>;
}

/** The id of the token that the model itself would go on with. */
function mostLikely(prompt: string): number {
  const { data } = model.run(prompt, { logits: "last" });
  return data.indexOf(data.reduce((best, logit) => Math.max(best, logit)));
}
