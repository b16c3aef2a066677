import { type Bytes, bytes, concatenate, float, integer, message, text } from "./protobuf.ts";

const IR_VERSION = 11;
const OPSET = 23; // the first with Attention

const elementTypes = { float32: 1, int64: 7 } as const;
type ElementType = keyof typeof elementTypes;
type Attributes = Readonly<Record<string, number | string | { float: number }>>;

/** An input or output of the model; a dim with a name may be of any size. */
export interface Value {
  name: string;
  type: ElementType;
  dims: readonly (number | string)[];
}

/** An ONNX model in the making. Values are known by their names; nodes make values of values. */
export interface OnnxGraph {
  /** @returns output */
  node(type: string, inputs: readonly string[], attributes?: Attributes, output?: string): string;
  /** A node that cuts an axis into parts of these sizes. */
  split(input: string, axis: number, sizes: readonly number[]): string[];
  /** A weight of float32, in the model. */
  tensor(name: string, shape: readonly number[], values: Float32Array): string;
  /** A weight of float32, in the bytes of another file, which the session is handed under the same name. */
  external(name: string, shape: readonly number[], file: string, offset: number, length: number): string;
  /** A list of int64. */
  integers(...values: number[]): string;
  /** The model's bytes. */
  finish(input: Value, output: Value): Bytes;
}

/** @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto for the fields' numbers */
export function onnxGraph(): OnnxGraph {
  const nodes: Bytes[] = [];
  const initializers = new Map<string, Bytes>();

  const addNode = (
    type: string,
    inputs: readonly string[],
    attributes: Attributes,
    outputs: readonly string[],
  ) => {
    const names = [...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name))];
    const values = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    nodes.push(message(1, ...names, text(4, type), ...values));
  };
  const initialize = (name: string, type: ElementType, shape: readonly number[], data: readonly Bytes[]) => {
    const dims = shape.map((dim) => integer(1, dim));
    initializers.set(name, message(5, ...dims, integer(2, elementTypes[type]), text(8, name), ...data));
    return name;
  };
  const integers = (...values: number[]) => {
    const data = bytes(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
    return initialize(`[${values}]`, "int64", [values.length], [data]);
  };

  return {
    node(type, inputs, attributes = {}, output = `${nodes.length}`) {
      addNode(type, inputs, attributes, [output]);
      return output;
    },
    split(input, axis, sizes) {
      const outputs = sizes.map((_, i) => `${nodes.length}.${i}`);
      addNode("Split", [input, integers(...sizes)], { axis }, outputs);
      return outputs;
    },
    tensor(name, shape, values) {
      return initialize(name, "float32", shape, [
        bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
      ]);
    },
    external(name, shape, file, offset, length) {
      const where = Object.entries({ location: file, offset: `${offset}`, length: `${length}` });
      const entries = where.map(([key, value]) => message(13, text(1, key), text(2, value)));
      return initialize(name, "float32", shape, [...entries, integer(14, 1)]);
    },
    integers,
    finish(input, output) {
      const values = [valueInfo(11, input), valueInfo(12, output)];
      const graph = message(7, ...nodes, text(2, "graph"), ...initializers.values(), ...values);
      return concatenate([integer(1, IR_VERSION), graph, message(8, integer(2, OPSET))]);
    },
  };
}

function attribute(name: string, value: Attributes[string]): Bytes {
  if (typeof value === "number") return message(5, text(1, name), integer(3, value), integer(20, 2));
  if (typeof value === "string") return message(5, text(1, name), text(4, value), integer(20, 3));
  return message(5, text(1, name), float(2, value.float), integer(20, 1));
}

function valueInfo(field: number, { name, type, dims }: Value): Bytes {
  const shape = dims.map((dim) => message(1, typeof dim === "number" ? integer(1, dim) : text(2, dim)));
  const tensor = message(1, integer(1, elementTypes[type]), message(2, ...shape));
  return message(field, text(1, name), message(2, tensor));
}
