import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { chromiumPath, launchChromium } from "./support/chromium.ts";
import { expectProbed } from "./support/expectProbed.ts";
import { buildNextApp, type NextServer, nextVersion, startNext } from "./support/next.ts";
import type { Probed } from "./support/probe.ts";

const project = inject("project");

const layout =
  'export default ({ children }) => <html lang="en"><title>logitscope</title><body>{children}</body></html>;';

const page = `"use client";
import { useEffect } from "react";
import { probe } from "../probe.mjs";
export default function Page() {
  useEffect(() => { globalThis.report = probe([1]); }, []);
  return <p>logitscope</p>;
}`;

const nodeRoute = `import { spawnThread } from "logitscope/node";
import { probe } from "../../probe.mjs";
export const dynamic = "force-dynamic";
export const GET = async () => Response.json(await probe([1, 2], { spawnThread }));`;

const edgeRoute = `import { probe } from "../../probe.mjs";
export const runtime = "edge";
export const GET = async () => Response.json(await probe([1]));`;

const edgePagesRoute = `import { probe } from "../../probe.mjs";
export const config = { runtime: "edge" };
export default async () => Response.json(await probe([1]));`;

describe.each([
  { bundler: "Turbopack", flags: [], edge: { "app/edge/route.js": edgeRoute }, at: "/edge" },
  // Next 16.4 with webpack writes no client reference manifest for a route of `app` in the edge runtime, and misses it then
  {
    bundler: "webpack",
    flags: ["--webpack"],
    edge: { "pages/api/edge.js": edgePagesRoute },
    at: "/api/edge",
  },
])("Next.js with $bundler, without configuration for the package", ({ bundler, flags, edge, at }) => {
  let server: NextServer;

  beforeAll(async () => {
    const files = {
      "probe.mjs": readFileSync(join(project, "probe.mjs"), "utf8"),
      "app/layout.jsx": layout,
      "app/page.jsx": page,
      "app/node/route.js": nodeRoute,
      ...edge,
    };
    server = await startNext(buildNextApp(project, `next-${bundler}`, files, flags));
  }, 300_000);
  afterAll(() => server?.close());

  const answer = async (path: string): Promise<Probed[]> => {
    const response = await fetch(`${server.origin}${path}`);
    expect(response.status).toBe(200);
    return (await response.json()) as Probed[];
  };

  test("a page computes in the browser", async ({ skip }) => {
    if (chromiumPath === undefined) skip();
    const browser = await launchChromium();
    try {
      const opened = await browser.newPage();
      await opened.goto(`${server.origin}/`);
      await opened.waitForFunction(() => "report" in globalThis);
      const probed = await opened.evaluate(
        () => (globalThis as unknown as { report: Promise<Probed[]> }).report,
      );
      expectProbed(`Next.js, ${bundler}: page`, nextVersion, probed, {
        backend: /^wasm$/,
        fast: /^wasm fast$/,
        threads: [1],
      });
    } finally {
      await browser.close();
    }
  });

  test("a Node route computes on two threads", async () => {
    expectProbed(`Next.js, ${bundler}: Node route`, nextVersion, await answer("/node"), {
      backend: /^wasm$/,
      fast: /^wasm( fast$|: precision "fast" needs relaxed SIMD)/, // Node 20 has none
      threads: [1, 2],
    });
  });

  test("an edge route computes with the package's own kernels", async () => {
    expectProbed(`Next.js, ${bundler}: edge route`, nextVersion, await answer(at), {
      backend: /^wasm$/,
      fast: /^wasm: precision "fast"/,
      threads: [1],
    });
  });
});
