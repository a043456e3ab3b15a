"""One question about access logs, answered by Spark in a SageMaker Processing job.

The job's image has no gt_secure and an older Python (3.9 in the first images with Spark 3.5), so this file needs
nothing but pyspark and the standard library. It reads a question that gt_secure wrote to S3, and writes the answer
beside it.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

NEEDED = (3, 5)
"""The oldest Spark that knows every function of the SQL text: try_to_timestamp is new in 3.5."""
VIEW = "gt_secure_lines"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.analyzer.maxIterations": "1000",  # 3.5 needs more than its 100 for the layers of the SQL text
}
"""Settings of the session under which the SQL text runs."""


def is_old(version: str) -> bool:
    """Return True if a version of Spark is older than functions that the SQL text calls."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return tuple(numbers) < NEEDED


def view_of_lines(spark: Any, paths: list[str]) -> Any:
    """Make the view that the SQL text reads, and return the lines as a DataFrame."""
    lines = spark.read.option("recursiveFileLookup", "true").option("lineSep", "\n").text(paths)
    lines.selectExpr(
        "value AS line", "input_file_name() AS source", "CAST(NULL AS BIGINT) AS pos"
    ).createOrReplaceTempView(VIEW)
    return lines


def answer(spark: Any, folder: str) -> None:
    """Run the question of a folder, and write its rows there as arrays of text, one JSON array per line."""
    text = spark.read.option("wholetext", "true").text(folder + "question.json").head()[0]
    question = json.loads(text)
    if is_old(spark.version):
        needed = ".".join(map(str, NEEDED))
        raise RuntimeError(f"This is Spark {spark.version}, but the query needs functions of Spark {needed}.")
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    view_of_lines(spark, question["paths"])
    rows = spark.sql(question["sql"]).limit(question["most"])
    columns = ", ".join(f"CAST(`{name}` AS STRING)" for name in rows.columns)
    lines = rows.selectExpr(f"to_json(array({columns})) AS value")
    lines.write.option("compression", "gzip").text(folder + "answer")


def main(arguments: list[str] | None = None) -> None:
    """Answer the question, or write the error beside it, because the description of a failed job does not show it."""
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="address of the folder with question.json, ending with a slash")
    folder = parser.parse_args(arguments).folder
    spark = SparkSession.builder.appName("gt_secure").getOrCreate()
    try:
        answer(spark, folder)
    except Exception as error:
        text = str(error).replace("\n", " ")[:2000] or type(error).__name__
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.text(folder + "error")
        raise
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
