"""A spec's file: YAML or JSON, read into nodes that know their places.

`reading` decides which of the two it is and what no file may be; `yaml_file` and `json_file` read; `nodes` is what they
give; `scalars` says what a word is; `places` finds a character of a text in the file.
"""
