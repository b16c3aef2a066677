#!/usr/bin/env node
/// <reference types="node" />
import process from "node:process";
import { runCli } from "./cli.ts";

// a closed reader is reported to each write; the event would end the process
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

process.exitCode = await runCli(process.argv.slice(2), process);
process.stdin.destroy(); // else a line that is still waited for keeps the process, though nobody reads the output any more
