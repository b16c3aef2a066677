import { Converter, ReflectionKind } from "typedoc";
import { MarkdownPageEvent } from "typedoc-plugin-markdown";
import { headings } from "./slugs.mjs";

const entries = { src: "logitscope", "src/node": "logitscope/node", "src/demo": "logitscope/demo" };

/** For typedoc: entries by the names they are imported by, formulas as blocks of code, and shorter pages. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const entry of project.children) entry.name = entries[entry.name];
    const all = Object.values(project.reflections);
    for (const reflection of all) if (isNoise(reflection)) project.removeReflection(reflection);
    for (const { comment } of all) {
      const tags = comment?.blockTags.map(({ content }) => content) ?? [];
      for (const part of [comment?.summary ?? [], ...tags].flat())
        if (part.kind === "text") part.text = fenceFormulas(part.text);
    }
  });
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = relink(shorten(page.contents, page.url.split("/").length + 1));
  });
}

/** Nobody constructs the classes, which are exported as types or thrown; an error's name is its class's. */
function isNoise(reflection) {
  if (reflection.kindOf(ReflectionKind.Constructor)) return true;
  return (
    reflection.kindOf(ReflectionKind.Property) && reflection.defaultValue === `"${reflection.parent.name}"`
  );
}

/** What a docstring indents by two or more after an empty line. */
function fenceFormulas(text) {
  return text.replace(/(?<=\n\n)(?: {2,}.*(?:\n|$)|\n(?= {2}))+/g, (block) => {
    return `\`\`\`text\n${block.trimEnd().replace(/^ {2}/gm, "")}\n\`\`\`\n`;
  });
}

/** Without what the signature says already, and without the lines of sources, which every edit would move. */
function shorten(page, depth) {
  return page
    .replaceAll("\n***\n", "")
    .replace(/ ?<a id="[^"]*"><\/a> ?/g, " ")
    .replace(/\(?\n? *\| "hook_embed"[^)]*`blocks\.\$\{number\}\.hook_resid_post`\)?/g, "HookName")
    .replace(/\\\| `"hook_embed"` .*?hook_resid_post` ``/g, "[`HookName`](#hookname)")
    .replace(/^(#{4,} .*\n(?:(?!#).*\n)*?)Defined in: .*\n\n/gm, "$1")
    .replace(/^Defined in: \[(.*):\d+\]\(/gm, `Defined in [$1](${"../".repeat(depth)}`)
    .replace(/^#{4,} Parameters\n\n\| Parameter \| Type \|\n(?:(?!.*\]\().*\n)+?\n/gm, "")
    .replace(/^#{4,} Returns\n\n(.*\n)\n(?=#|$)/gm, (whole, type) => (type.includes("](") ? whole : ""))
    .replace(/^#{4,} Returns\n\n(?:\\?[{(]\n(?: .*\n)*.*|`.*`)\n\n/gm, "#### Returns\n\n")
    .replace(/^#{4,} Returns\n\n(?=#|$)/gm, "")
    .replace(/^#{4,} (Inherited from|Implementation of)\n\n.*\n\n?/gm, "")
    .replace(/^#{4,} Returns\n\n(?=```)/gm, "**Returns**\n\n")
    .replace(/^#{4,} (Returns|Throws|See)\n\n/gm, "**$1** ")
    .replaceAll("| - |", "| |")
    .replace(/^(\*\*Returns\*\* .*\S)\n\n(?![*#]|$)/gm, "$1: ");
}

/** Links to types: a function of the same name comes first, and has the plain anchor. */
function relink(page) {
  const slugs = new Map(headings(page).map(({ text, slug }) => [text, slug]));
  return page.replace(/\[`(\w+)`\]\(#[^)]*\)/g, (link, name) =>
    slugs.has(name) ? `[\`${name}\`](#${slugs.get(name)})` : link,
  );
}
