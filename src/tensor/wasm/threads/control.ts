/**
 * What threads tell each other by, in memory that they share. A job is published by its ticket: the job's number and, in
 * the lower bits, the next chunk to be taken. Whoever takes one raises the ticket by one if it still is what he read;
 * so one who read an old job, or half of a new one, takes nothing.
 */
export interface Control {
  readonly numbers: Int32Array<SharedArrayBuffer>;
  readonly args: Float64Array<SharedArrayBuffer>;
}

/** Where in `numbers` what is. */
const place = {
  ticket: 0,
  /** Of the job at hand: how many chunks it has, the number of its first, and how many are done. */
  chunks: 1,
  firstChunk: 2,
  done: 3,
  memory: 4,
  kernel: 5,
  argumentCount: 6,
  /** Threads that sleep until the ticket changes. */
  sleepers: 7,
  /** Whether a chunk failed. */
  failed: 8,
  /** How many memories all threads together know. */
  attached: 9,
} as const;

const MOST_ARGUMENTS = 20;
const CHUNK_BITS = 10;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
/** Chunks that mean something else: that there is no job, and that there are messages to be read. */
const CLOSED = CHUNK_MASK;
const MESSAGES = CHUNK_MASK - 1;
/** How many chunks one job may have: once all are taken, the next is still none of these. */
export const MOST_CHUNKS: number = MESSAGES - 1;

/** What a thread is to do. */
export interface Job {
  readonly memory: number;
  readonly kernel: number;
  readonly args: readonly number[];
}

export function createControl(): Control {
  const numbers = new Int32Array(new SharedArrayBuffer(64));
  numbers[place.ticket] = CLOSED;
  return { numbers, args: new Float64Array(new SharedArrayBuffer(8 * MOST_ARGUMENTS)) };
}

/** Publishes a job of at most MOST_CHUNKS chunks, once the one before is done. */
export function publish({ numbers, args }: Control, job: Job, chunks: number, firstChunk: number): void {
  const number = nextNumber(numbers);
  Atomics.store(numbers, place.ticket, number | CLOSED);
  args.set(job.args);
  numbers[place.memory] = job.memory;
  numbers[place.kernel] = job.kernel;
  numbers[place.argumentCount] = job.args.length;
  numbers[place.firstChunk] = firstChunk;
  Atomics.store(numbers, place.chunks, chunks);
  Atomics.store(numbers, place.done, 0);
  changeTicket(numbers, number);
}

/** Has every thread read its messages; returns the ticket that says so. */
export function announceMessages({ numbers }: Control): number {
  const ticket = nextNumber(numbers) | MESSAGES;
  changeTicket(numbers, ticket);
  return ticket;
}

/** Takes chunks of the job at hand, and does them, until none is left; returns what was thrown first. */
export function workOn(control: Control, run: (job: Job, chunk: number) => void): unknown {
  const { numbers } = control;
  let ticket = Atomics.load(numbers, place.ticket);
  let thrown: unknown;
  for (;;) {
    const chunk = ticket & CHUNK_MASK;
    if (chunk >= MESSAGES || chunk >= Atomics.load(numbers, place.chunks)) return thrown;
    const job = readJob(control);
    const first = numbers[place.firstChunk];
    const found = Atomics.compareExchange(numbers, place.ticket, ticket, ticket + 1);
    if (found !== ticket) {
      ticket = found;
      continue;
    }
    try {
      run(job, first + chunk);
    } catch (error) {
      thrown ??= error;
      Atomics.store(numbers, place.failed, 1);
    }
    Atomics.add(numbers, place.done, 1);
    ticket = Atomics.load(numbers, place.ticket);
  }
}

/** Whether there are messages beyond those that `handled` announced. */
export function hasMessages({ numbers }: Control, handled: number): boolean {
  return announces(Atomics.load(numbers, place.ticket), handled);
}

function announces(ticket: number, handled: number): boolean {
  return (ticket & CHUNK_MASK) === MESSAGES && ticket !== handled;
}

/** How often a thread looks again before it sleeps: some tens of microseconds. */
const SPINS = 20_000;

/** Waits until there are chunks to be taken, or messages beyond those that `handled` announced. */
export function waitForWork({ numbers }: Control, handled: number): void {
  const before = Atomics.load(numbers, place.ticket);
  if (announces(before, handled)) return; // asked of this very ticket: one that changed before it was read is not missed
  const chunk = before & CHUNK_MASK;
  if (chunk < MESSAGES && chunk < Atomics.load(numbers, place.chunks)) return;
  for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(numbers, place.ticket) !== before) return;
  Atomics.add(numbers, place.sleepers, 1);
  Atomics.wait(numbers, place.ticket, before);
  Atomics.sub(numbers, place.sleepers, 1);
}

export function countDone({ numbers }: Control): number {
  return Atomics.load(numbers, place.done);
}

export function hasFailed({ numbers }: Control): boolean {
  return Atomics.load(numbers, place.failed) !== 0;
}

export function countAttached({ numbers }: Control): number {
  return Atomics.load(numbers, place.attached);
}

export function tellAttached({ numbers }: Control): void {
  Atomics.add(numbers, place.attached, 1);
}

function readJob({ numbers, args }: Control): Job {
  const count = numbers[place.argumentCount];
  return {
    memory: numbers[place.memory],
    kernel: numbers[place.kernel],
    args: Array.from(args.subarray(0, count)),
  };
}

/** The job number after the present one, in its place in a ticket. */
function nextNumber(numbers: Int32Array): number {
  return (Atomics.load(numbers, place.ticket) & ~CHUNK_MASK) + (1 << CHUNK_BITS);
}

function changeTicket(numbers: Int32Array, ticket: number): void {
  Atomics.store(numbers, place.ticket, ticket);
  if (Atomics.load(numbers, place.sleepers) > 0) Atomics.notify(numbers, place.ticket);
}
