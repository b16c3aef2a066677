import type { Gpt2 } from "../model/index.ts";
import { visible } from "../report/index.ts";
import { version } from "../version.ts";
import { type Arguments, parseArguments } from "./args.ts";
import { help } from "./help.ts";
import { ClosedOutput, type Io, readLines, write } from "./io.ts";
import { loadModel } from "./model.ts";
import { notesOn } from "./notes.ts";
import { answerTo } from "./questions.ts";
import { readRecords } from "./records.ts";
import { sweep } from "./sweep.ts";
import { UsageError } from "./usageError.ts";

/** What the command shows when it is given nothing. */
const demo = {
  prompt: "When Mary and John went to the store, John gave a drink to",
  answer: " Mary",
  wrong: " John",
} as const;

/**
 * The command.
 *
 * @param argv what follows the command's name
 * @returns the exit code: 0 done, 1 failed, 2 usage, 3 some prompts failed
 */
export async function runCli(
  argv: readonly string[],
  io: Io,
  load: typeof loadModel = loadModel,
): Promise<number> {
  const tell = (line: string) => write(io.stderr, `${visible(line)}\n`).catch(() => {}); // nobody is left to be told
  try {
    const args = parseArguments(argv);
    if (args.help) return await write(io.stdout, help).then(() => 0);
    if (args.version) return await write(io.stdout, `${version}\n`).then(() => 0);
    return await attribute(args, io, load, tell);
  } catch (error) {
    if (error instanceof ClosedOutput) return 0;
    const isUsage = error instanceof UsageError;
    const message = error instanceof Error ? error.message : String(error);
    await tell(`logitscope: ${message}${isUsage ? ". Try logitscope --help" : ""}`);
    return isUsage ? 2 : 1;
  }
}

async function attribute(
  args: Arguments,
  io: Io,
  load: typeof loadModel,
  tell: (line: string) => Promise<void>,
): Promise<number> {
  const { input } = args;
  if (input !== undefined)
    return withModel(args, io, load, tell, (model) => sweep(model, { ...args, input }, io, tell));
  const { inputs, ...asked } = await readInputs(args, io);
  if (inputs.length === 0) {
    await tell("logitscope: stdin: got no prompt, expected one a line");
    return 1;
  }
  return withModel(args, io, load, tell, (model) => attributeWith(model, args, inputs, asked, io, tell));
}

async function withModel(
  args: Arguments,
  io: Io,
  load: typeof loadModel,
  tell: (line: string) => Promise<void>,
  use: (model: Gpt2) => Promise<number>,
): Promise<number> {
  const model = await load(args, io, tell);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

async function attributeWith(
  model: Gpt2,
  args: Arguments,
  inputs: readonly (string | readonly number[])[],
  asked: Pick<Arguments, "answers" | "wrongs">,
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<number> {
  if (model.tokenizer === undefined && inputs.some((input) => typeof input === "string")) {
    const lack = model.unreadTokenizer
      ? `this model's tokenizer is of a kind that is not read (${model.unreadTokenizer})`
      : "this model has no tokenizer files";
    await tell(`logitscope: ${lack}: give --tokens 1,2,3 (and --answer-id N)`);
    return 1;
  }
  const { records, failures } = readRecords(model, inputs, { ...args, ...asked });
  for (const { index, message } of failures) {
    const which = inputs.length > 1 ? `prompt ${index}: ` : ""; // from 0, as in the output
    await tell(`logitscope: ${which}${message}`);
  }
  if (records.length === 0) return 1;
  if (failures.length > 0) {
    await tell(
      `note: ${records.length} of ${inputs.length} prompts attributed; the output numbers these alone, from 0`,
    );
  }
  for (const note of notesOn(model, records, args)) await tell(note);
  if (args.compare !== undefined && failures.length > 0) return 1;
  await write(io.stdout, await answerTo(model, records, args, io));
  return failures.length > 0 ? 3 : 0;
}

/** The prompts, those of stdin in the place of "-"; without any, the demonstration. */
async function readInputs(args: Arguments, io: Io) {
  const { prompts, answers, wrongs } = args;
  if (prompts.length === 0) {
    const isDemo = answers.length === 0 && wrongs.length === 0;
    return {
      inputs: [demo.prompt],
      answers: isDemo ? [demo.answer] : answers,
      wrongs: isDemo && !args.logProbability ? [demo.wrong] : wrongs,
    };
  }
  const lines = prompts.includes("-") ? await readLines(io.stdin) : [];
  if (args.compare !== undefined) return { inputs: [...prompts, args.compare], answers, wrongs };
  return { inputs: prompts.flatMap((prompt) => (prompt === "-" ? lines : [prompt])), answers, wrongs };
}
