// Figures in a document: the block after `<!-- figure: NAME -->`.

const block = /(<!-- figure: (\w+) -->\n(?:<!--.*-->\n)*```text\n)[\s\S]*?(?=^```$)/gm;

/** The names of a document's figures, in order. */
export const figureNames = (document) => [...document.matchAll(block)].map(([, , name]) => name);

/** The document with each figure's text in its block; what has no text stays. */
export const withFigures = (document, texts) =>
  document.replace(block, (whole, head, name) => (name in texts ? `${head}${texts[name]}\n` : whole));
