"""What pandas and DuckDB read of the file named by the first argument, by the code of docs/csv.md, which stands in the second as JSON."""

import json
import struct
import sys

import duckdb

file, blocks = sys.argv[1], json.loads(sys.argv[2])
pandas_code, check_code, sql = (block.replace("rows.csv", file) for block in blocks)


def plain(value):
    """A number by its bits, so that they are compared; a text by its code points, so that none is lost on the way."""
    if value is None:
        return None
    if isinstance(value, str):
        return {"text": [ord(char) for char in value]}
    if isinstance(value, float):
        return None if value != value else {"bits": struct.pack(">d", value).hex()}
    return int(value)


names = {}
exec(pandas_code, names)
rows = names["rows"]
columns = list(rows.columns)
missing = names["pandas"].NA
of_pandas = [
    [plain(None if value is missing else value) for value in row] for row in rows.itertuples(index=False, name=None)
]
if len(sys.argv) > 3:
    exec(check_code, names)

relation = duckdb.sql(sql)
of_duckdb = [[plain(value) for value in row] for row in relation.fetchall()]
print(json.dumps({"pandas": [columns, of_pandas], "duckdb": [relation.columns, of_duckdb]}))
