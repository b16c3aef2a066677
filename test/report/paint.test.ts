import { describe, expect, test } from "vitest";
import { paint } from "../../src/report/paint.ts";

/** Relative luminance of a colour of xterm's 6 × 6 × 6 cube. @see WCAG 2.2, relative luminance and contrast ratio */
function luminance(index: number): number {
  const levels = [0, 95, 135, 175, 215, 255];
  const n = index - 16;
  return luminanceOf([Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6].map((i) => levels[i]));
}
function luminanceOf(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

const on = paint(true);
const shares = Array.from({ length: 101 }, (_, i) => i / 100);
const heat = (score: number) => {
  const text = on.heat(score, 1, "x").replaceAll("\u001b", "␛");
  if (text === "x") return null;
  const [, figure, ground] = /^␛\[(?:1;)?38;5;(\d+);48;5;(\d+)mx␛\[0m$/.exec(text)!;
  return { figure: Number(figure), ground: Number(ground) };
};

describe.each([1, -1])("the ground of a cell of sign %i", (sign) => {
  const cells = shares.map((share) => heat(sign * share));

  test("is none near zero, and three from weak to strong", () => {
    for (const share of [0, 0.01, 0.05, 0.1]) expect(heat(sign * share)).toBeNull();
    expect(new Set(cells.map((cell) => cell?.ground)).size).toBe(4);
    expect(cells[100]).not.toBeNull();
    const first = cells.findIndex((cell) => cell !== null);
    expect(cells.slice(first)).not.toContain(null);
  });

  test("has figures of a contrast of 4.5 or more, and stands out of dark and light terminals", () => {
    for (const cell of cells.filter((cell) => cell !== null)) {
      expect(contrast(luminance(cell.figure), luminance(cell.ground))).toBeGreaterThanOrEqual(4.5);
      for (const terminal of [
        [0, 0, 0],
        [30, 30, 30],
        [255, 255, 255],
      ]) // WCAG's 3 for what is no text
        expect(contrast(luminance(cell.ground), luminanceOf(terminal))).toBeGreaterThanOrEqual(3);
    }
  });
});

test("a grid of zeros, and numbers that are none, have no ground", () => {
  expect(on.heat(0, 0, "x")).toBe("x");
  expect(on.heat(Number.NaN, 1, "x")).toBe("x");
  expect(on.heat(1, Number.NaN, "x")).toBe("x");
  expect(paint(false).heat(1, 1, "x")).toBe("x");
});
