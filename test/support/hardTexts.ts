/** What readers of tables trim, split, convert, compute or drop. */
export const hardTexts: readonly string[] = [
  ...[
    "",
    " ",
    "  a ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "a\0b",
    "\u001b[31m",
    "\u0085",
    "\u2028",
    "\ufeff",
    "\ufeffa",
  ],
  ...['"', '""', '","', '"\r\n"', "a\r\nb", ",", "a,b", "'", "'=1", "\\", "\\n", '\\"', "#", "# a", ";", "|"],
  ...[
    "NA",
    "N/A",
    "nan",
    "NaN",
    "null",
    "NULL",
    "None",
    "inf",
    "-Infinity",
    "true",
    "1e5",
    "0x1f",
    "007",
    "1_0",
  ],
  ...["=1+1", "+1", "-1", "@SUM(A1)", "2020-01-01", "1,5", "🙂", "é", "e\u0301", "漢字", "\u202e", "\ufffd"],
];

/** Numbers at the ends of float64's range, and such as take all of its digits. */
export const hardNumbers: readonly number[] = [
  ...[0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308],
  ...[1, -1, 0.1, 0.1 + 0.2, 1 / 3, 1e21, 1e-7, 123456789012345680000, 2 ** 53 + 2, 4.35, 2.5e-8],
  ...[8.41e21, 5e-310, 9.5367431640625e-7, 0.30000000000000004, 6.02214076e23, 1.0000000000000002],
];
