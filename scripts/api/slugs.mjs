/** The headings of a markdown page with the anchors that GitHub gives them. */
export function headings(markdown) {
  const counts = new Map();
  const lines = markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm);
  return [...lines].map(([, text]) => {
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return { text, slug: count === 0 ? slug : `${slug}-${count}` };
  });
}
