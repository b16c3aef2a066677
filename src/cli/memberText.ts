/**
 * The text of an object's member, as it was written: JSON.parse gives a number's nearest double, and 3791411052119578828 comes
 * back as another. Of two members of one name the last, as JSON.parse takes it.
 *
 * @param json one object, which JSON.parse has read without an error
 * @returns undefined where it has no such member
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = afterSpace(json, json.indexOf("{") + 1);
  while (json[at] === '"') {
    const key = afterString(json, at);
    const value = afterSpace(json, afterSpace(json, key) + 1); // the colon
    const end = afterValue(json, value);
    if (JSON.parse(json.slice(at, key)) === name) found = json.slice(value, end);
    at = afterSpace(json, afterSpace(json, end) + 1); // the comma, or the end
  }
  return found;
}

function afterSpace(json: string, at: number): number {
  let next = at;
  while (/[ \t\r\n]/.test(json[next] ?? "")) next++;
  return next;
}

function afterString(json: string, at: number): number {
  let next = at + 1;
  while (json[next] !== '"') next += json[next] === "\\" ? 2 : 1;
  return next + 1;
}

function afterValue(json: string, at: number): number {
  if (json[at] === '"') return afterString(json, at);
  let depth = 0;
  let next = at;
  while (next < json.length) {
    const char = json[next];
    if (depth === 0 && /[,}\] \t\r\n]/.test(char)) break; // after a number or a word
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
    next = char === '"' ? afterString(json, next) : next + 1;
    if (depth === 0 && (char === "}" || char === "]")) break;
  }
  return next;
}
