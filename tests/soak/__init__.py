"""A long run of one broker under everything at once: `bin/soak`. Not part of `bin/test`."""
