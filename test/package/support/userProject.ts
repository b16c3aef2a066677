import { rmSync } from "node:fs";
import { afterAll, inject } from "vitest";
import { projectWith } from "../../support/userProject.ts";

/** An empty project with the tarball installed and a model's folder `model`; removed after the tests. */
export function userProject(): string {
  const project = projectWith(inject("tarball"));
  afterAll(() => rmSync(project, { recursive: true, force: true }));
  return project;
}
