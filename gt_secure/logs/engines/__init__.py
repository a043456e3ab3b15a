"""Engines that run the SQL of the log reader: DuckDB, Spark and Athena."""
