import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution } from "../../src/index.ts";
import { chromiumPath, launchChromium } from "./support/chromium.ts";
import { type StaticServer, serveFolders } from "./support/staticServer.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const model = path("../../src/demo/model");
const folders = { "/examples/": path("../../examples"), "/dist/": path("../../dist"), "/model/": model };

/** The rows that the examples are to show, as they show them. */
async function expectedRows(prompt: string, answer: string, wrong: string): Promise<string[]> {
  const demo = await demoModel({ compatibilityMode: true });
  const { labels, attributions } = directLogitAttribution(demo, prompt, { answer, wrong });
  return labels.map((label, i) => {
    const score = attributions[0].scores.data[i];
    return `${label} ${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(4)}`;
  });
}

describe.skipIf(chromiumPath === undefined)("the examples in Chromium", () => {
  let browser: Browser;
  let server: StaticServer;
  let page: Page;
  let complaints: string[];
  let stalls = false;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    stalls = false;
    server = await serveFolders(folders, {
      answer({ url }, response) {
        if (!stalls || url !== "/model/model.safetensors") return false;
        response.writeHead(200).write("half");
        return true;
      },
    });
    complaints = [];
    page = await (await browser.newContext()).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await page.context().close();
    await server.close();
  });

  const status = (text: string | RegExp) =>
    expect.poll(() => page.textContent("#status"), { timeout: 20_000 }).toMatch(text);
  const shownRows = async () => {
    const rows = await page.locator("tbody tr").all();
    return Promise.all(
      rows.map(async (row) =>
        [await row.locator("th").textContent(), await row.locator(".score").textContent()].join(" "),
      ),
    );
  };
  const mary = ["When Mary and John went to the store, John gave a drink to", " Mary", " John"] as const;

  describe("page", () => {
    beforeEach(() => page.goto(`${server.origin}/examples/page/`));
    const attribute = async () => {
      await page.click("#go");
      await page.waitForSelector("tbody tr");
    };

    test("the demo model, its rows and their sum, under a strict policy and without a complaint", async () => {
      await page.click("#demo");
      await status("demo: 3 layers of 2 heads, on wasm.");
      await attribute();
      expect(await shownRows()).toEqual(await expectedRows(...mary));
      expect(await page.textContent("caption")).toBe(`“ Mary” rather than “ John” after “${mary[0]}”`);
      expect(await page.textContent("tfoot")).toContain("= logit diff+5.7714read off the model's output ✓");
      expect(complaints).toEqual([]);
    });

    test("without an answer: the model's own prediction", async () => {
      await page.click("#demo");
      await status("demo:");
      await page.fill("#answer", "");
      await page.fill("#wrong", "");
      await attribute();
      expect(await page.textContent("caption")).toMatch(/^“ Mary” after /);
    });

    test("tokens are text: a prompt in HTML is shown, not made", async () => {
      await page.click("#demo");
      await status("demo:");
      await page.fill("#prompt", "<img src=x onerror=alert(1)> The capital of France is");
      await attribute();
      expect(await page.textContent("caption")).toContain("<img src=x");
      expect(await page.locator("table img").count()).toBe(0);
    });

    const isFailed = () => page.locator("#status.failed").count();

    test("an answer that is no token is said; what was drawn before is gone, and so is the error at the next run", async () => {
      await page.click("#demo");
      await status("demo:");
      await attribute();
      await page.fill("#answer", " Marzipan");
      await page.click("#go");
      await status("Marzipan");
      expect(await page.locator("#rows").isHidden()).toBe(true);
      expect(await page.locator("tbody tr").count()).toBe(0);
      expect(await isFailed()).toBe(1);
      await page.fill("#answer", " Mary");
      await attribute();
      expect(await page.textContent("#status")).toBe("demo: 3 layers of 2 heads, on wasm.");
      expect(await isFailed()).toBe(0);
      expect(await shownRows()).toEqual(await expectedRows(...mary));
    });

    test("what was drawn of one model is gone when another one is loaded, or cannot be", async () => {
      await page.click("#demo");
      await status("demo:");
      await attribute();
      await page.fill("#address", `${server.origin}/nowhere/`);
      await page.click("#remote button");
      await status("config.json: got HTTP status 404");
      expect(await page.locator("#rows").isHidden()).toBe(true);
      await page.click("#demo");
      await status("demo:");
      expect(await isFailed()).toBe(0);
    });

    test("a folder with a checkpoint in a folder inside: its own files alone are taken", async () => {
      const folder = await mkdtemp(join(tmpdir(), "chosen-"));
      await cp(model, folder, { recursive: true });
      const inside = join(folder, "checkpoint-500");
      await mkdir(inside);
      // were one of these taken, the load would fail
      for (const name of await readdir(model)) await writeFile(join(inside, name), "of another model");
      await page.setInputFiles("#folder", folder);
      await status("folder: 3 layers of 2 heads, on wasm.");
      await attribute();
      expect(await shownRows()).toEqual(await expectedRows(...mary));
      await rm(join(folder, "config.json"));
      await page.reload();
      await page.setInputFiles("#folder", folder);
      await status(
        /^config\.json: not in the folder itself, but in chosen-\w+\/checkpoint-500\. Choose that folder\.$/,
      );
      expect(await isFailed()).toBe(1);
      await rm(folder, { recursive: true });
    });

    test("a folder from the disk", async () => {
      await page.setInputFiles("#folder", model);
      await status("folder: 3 layers of 2 heads, on wasm.");
      await attribute();
      expect(await shownRows()).toEqual(await expectedRows(...mary));
    });

    test("an address; kept, so that it is there without the server", async () => {
      await page.fill("#address", `${server.origin}/model/`);
      await page.click("#remote button");
      await status(/^http.*: 3 layers/);
      const before = server.asked.length;
      await page.click("#remote button");
      await status(/^http.*: 3 layers/);
      expect(server.asked.length).toBe(before);
      await attribute();
      expect(await shownRows()).toEqual(await expectedRows(...mary));
    });

    test("an address without a model is an error that says so", async () => {
      await page.fill("#address", `${server.origin}/nowhere/`);
      await page.click("#remote button");
      await status("config.json: got HTTP status 404");
      expect(await page.getAttribute("#status", "class")).toBe("failed");
    });

    test("a download can be cancelled, and another model loaded then", async () => {
      stalls = true;
      await page.fill("#address", `${server.origin}/model/`);
      await page.click("#remote button");
      await page.waitForSelector("#bar:visible");
      await page.click("#cancel");
      await status("Cancelled.");
      expect(await page.isDisabled("#go")).toBe(true);
      await page.click("#demo");
      await status("demo:");
      await attribute();
    });

    test.runIf(process.env.SCREENSHOTS)("a screenshot for docs/", async () => {
      await page.setViewportSize({ width: 760, height: 900 });
      await page.click("#demo");
      await status("demo:");
      await attribute();
      await page.screenshot({ path: path("../../docs/page.png"), fullPage: true });
    });

    test("everything has a name for those who hear the page", async () => {
      for (const control of await page.locator("input, select, button, progress").all()) {
        const name = await control.evaluate(
          (element: HTMLInputElement) =>
            element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent?.trim() ?? "",
        );
        const own = await control.evaluate((element) => element.textContent ?? "");
        expect(name || own, await control.evaluate((element) => element.id)).not.toBe("");
      }
      expect(await page.getAttribute("html", "lang")).toBe("en");
    });
  });

  describe("web-worker", () => {
    beforeEach(() => page.goto(`${server.origin}/examples/web-worker/`));

    test("the demo model, and its rows", async () => {
      await page.click("#load");
      await status("3 layers of 2 heads, on wasm.");
      await page.click("#go");
      await page.waitForSelector("tbody tr");
      expect(await shownRows()).toEqual(await expectedRows("The capital of France is", " Paris", " Rome"));
      expect(complaints).toEqual([]);
    });

    test("an address, with Cache Storage in the worker", async () => {
      await page.fill("#address", `${server.origin}/model/`);
      await page.click("#load");
      await status("3 layers");
      const before = server.asked.length;
      await page.click("#load");
      await status("3 layers");
      expect(server.asked.length).toBe(before);
    });

    test("what was drawn, and what was complained of, are gone when a run begins", async () => {
      await page.click("#load");
      await status("3 layers");
      await page.click("#go");
      await page.waitForSelector("tbody tr");
      await page.fill("#answer", " Marzipan");
      await page.click("#go");
      await status("Marzipan");
      expect(await page.locator("#rows").isHidden()).toBe(true);
      await page.fill("#answer", " Paris");
      await page.click("#go");
      await page.waitForSelector("tbody tr");
      await status(/^3 layers of 2 heads, on wasm\.$/);
      expect(await page.locator("#status.failed").count()).toBe(0);
    });

    test("the download is cancelled in the worker", async () => {
      stalls = true;
      await page.fill("#address", `${server.origin}/model/`);
      await page.click("#load");
      await page.click("#cancel");
      await status("Cancelled.");
      await page.fill("#address", "");
      await page.click("#load");
      await status("3 layers");
    });
  });
});
