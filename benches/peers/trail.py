"""Counts the events of a session in the files of a trail with DuckDB, for `benches/trail.rs`."""

import sys

import duckdb

QUERY = """
SELECT count(*) FROM (
    SELECT unnest(Records) AS event FROM read_json(
        $files,
        columns = {Records: 'STRUCT(userIdentity STRUCT(arn VARCHAR), eventName VARCHAR)[]'},
        maximum_object_size = 67108864
    )
) WHERE ends_with(event.userIdentity.arn, '/' || $session)
"""

folder, session = sys.argv[1:]
[(count,)] = duckdb.execute(QUERY, {"files": f"{folder}/*.json.gz", "session": session}).fetchall()
print(count)
