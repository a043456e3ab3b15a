"""One portable SQL text: columns, the line parser, derived columns, grouping."""
