"""The files that lists come in, read as streams: CSV in any encoding, zips and workbooks."""
