export function headings(markdown: string): { text: string; slug: string }[];
