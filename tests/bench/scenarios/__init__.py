"""One file per question that is measured; each ends with its `SCENARIO`."""
